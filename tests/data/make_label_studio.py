"""Writes tests/data/label_studio/export.json with Label Studio's own SDK.

Run with ``pip install label-studio-sdk==2.1.2`` in an environment of its own, since it would bring
some fifty packages into the project's: ``python tests/data/make_label_studio.py``. The SDK's
interface checks every task against the labelling configuration, and its objects write the JSON.
"""

import json
from pathlib import Path
from typing import Any

from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.objects import AnnotationValue, TaskValue

FILE = Path(__file__).parent / "label_studio" / "export.json"

CONFIG = """
<View>
  <Video name="video" value="$video" frameRate="25"/>
  <TimelineLabels name="when" toName="video">
    <Label value="Shoplifting"/><Label value="Normal"/>
  </TimelineLabels>
  <Labels name="what" toName="video"><Label value="Theft"/><Label value="Person"/></Labels>
  <VideoRectangle name="box" toName="video"/>
  <Choices name="all" toName="video"><Choice value="shoplifting"/><Choice value="normal"/></Choices>
</View>
"""


def region(number: int, name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"region{number}",
        "from_name": name,
        "to_name": "video",
        "type": kind,
        "origin": "manual",
        "value": value,
    }


def timeline(number: int, first: int, last: int) -> dict[str, Any]:
    value = {"ranges": [{"start": first, "end": last}], "timelinelabels": ["Shoplifting"]}
    return region(number, "when", "timelinelabels", value)


def rectangle(number: int, label: str, keys: list[tuple[int, bool]]) -> dict[str, Any]:
    where = {"x": 10.0, "y": 10.0, "width": 20.0, "height": 40.0, "rotation": 0}
    sequence = [{**where, "frame": f, "enabled": e, "time": f / 25} for f, e in keys]
    value = {"framesCount": 100, "duration": 4.0, "sequence": sequence, "labels": [label]}
    return region(number, "box", "videorectangle", value)


def choice(number: int, label: str) -> dict[str, Any]:
    return region(number, "all", "choices", {"choices": [label]})


def task(video: str, *results: list[dict[str, Any]], fps: float | None = None) -> TaskValue:
    annotations = [
        AnnotationValue(completed_by=who, result=result)
        for who, result in enumerate(results, start=1)
    ]
    data = {"video": video} | ({"fps": fps} if fps else {})
    return TaskValue(data=data, annotations=annotations)


def main() -> None:
    tasks = [
        # A timeline of frames 26 to 50 at 25 a second; two agree but for a few frames.
        task("/data/upload/1/0a1b2c3d-till_1.mp4", [timeline(1, 26, 50)], [timeline(2, 28, 49)]),
        task("/data/local-files/?d=shop/box%20%281%29.mp4",
             [rectangle(3, "Theft", [(11, True), (20, False), (61, True)]),
              rectangle(4, "Person", [(1, True)])]),
        task("s3://footage/2026/whole.mp4", [choice(5, "shoplifting")]),
        task("https://shop.example/video/quiet.mp4?token=x", []),
        task("disputed.mp4", [timeline(6, 1, 25)], [choice(7, "normal")], fps=25.0),
        task("waiting.mp4"),
    ]  # fmt: skip
    tasks[0].data["fps"] = 25
    interface = LabelInterface(CONFIG)
    for task_value in tasks:
        for annotation in task_value.annotations:
            for result in annotation.result:
                assert interface.validate_region(result), result
    written = [
        {"id": number, **task_value.model_dump()}
        for number, task_value in enumerate(tasks, start=1)
    ]
    FILE.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
