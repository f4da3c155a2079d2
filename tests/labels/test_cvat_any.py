"""CVAT's exports: faults by their line, any damage, and files found in the wild."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.labels.cvat_files import DATA, document, read, spans, task


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("<annotations>\n<meta>\n</annotations>", 3, "is no XML from here: mismatched tag"),
        ("", 1, "no element found"),
        ("\n<annotation>", 2, "begins with <annotation>"),
        ("<annotations/>", None, "has no <task>"),
        ('<?xml version="1.0" encoding="klingon"?><annotations/>', 1, "unknown encoding"),
        (document(task(name="")), 3, "neither <source> nor"),
        (document(task("z.mp4")), 3, "there is no video 'z.mp4'"),
        (document(task(frame_filter="every other")), 3, "'every other' is not understood"),
        (document(task(frame_filter="step=0")), 3, "'step=0' is not understood"),
        (document(task(start_frame="-3")), 3, "<start_frame> is '-3'"),
        (document(task(), '<track label="theft"><box frame="x"/></track>'), 4, "is 'x'"),
        (document(task(), '<track label="theft"><box/></track>'), 4, "is ''"),
        (document(task(), '<track task_id="4" label="theft"/>'), 4, "which is not in the file"),
    ],
)
def test_faults_with_their_line(tmp_path: Path, text: str, line: int | None, says: str) -> None:
    errors = [p for p in read(tmp_path, text).problems if p.level == "error"]
    assert [problem.row for problem in errors] == [line]
    assert says in errors[0].problem
    assert errors[0].remedy


ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in pairwise("abcdefghij")
)


BOMB = f'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]><annotations>&j;</annotations>'


OUTSIDE = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><annotations/>'


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path, text: str) -> None:
    labels = read(tmp_path, text)
    assert len(labels.problems) == 1
    assert "document type" in labels.problems[0].problem


PIECES = """
<annotations> </annotations> <meta> </meta> <task> </task> <name>a</name> <id>1</id> </track>
<track <image> <tag label="1"/> label="theft"> <box frame="3"/> <box frame="1e9"/> </image> x
<start_frame>9999999999999</start_frame> <source>b</source> &lt; &#0; <![CDATA[ ]]>
"""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60) | st.lists(st.sampled_from(PIECES.split()), max_size=30).map(" ".join)
)
def test_any_bytes_give_labels_or_problems(tmp_path: Path, content: str | bytes) -> None:
    labels = read(tmp_path, content)
    assert labels.problems or labels.rows or labels.whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_to_an_export_gives_labels_or_problems(
    tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray((DATA / "tagged.xml").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    read(tmp_path, bytes(content[: data.draw(st.integers(0, len(content)))]))


@pytest.mark.corpus
@pytest.mark.parametrize("label", ["II", "klhg", ""])
def test_a_video_export_found_in_the_wild(tmp_path: Path, corpus: Path, label: str) -> None:
    """Frames 10, 13, 16 and 19 of a video: track II is seen in 10 and 13, then outside."""
    file = corpus / "annotations" / "cvat" / "datumaro__for_video_annotations.xml"
    text = file.read_text().replace(f">{label}<", ">shoplifting<")
    labels = read(tmp_path, text.replace(f'label="{label}"', 'label="shoplifting"'))
    events = [span for span in spans(labels) if span[3] == "shoplifting"]
    ends = {"II": 1.6, "klhg": 1.3}
    assert events == ([("shop/t.mp4", 1.0, ends[label], "shoplifting")] if label else [])
    assert ("shop/t.mp4", 0.0, 1.0, "unlabeled") in spans(labels) or not label
    assert not [problem for problem in labels.problems if problem.level == "error"]


@pytest.mark.corpus
def test_an_image_export_found_in_the_wild_names_no_video(tmp_path: Path, corpus: Path) -> None:
    file = corpus / "annotations" / "cvat" / "datumaro__for_images_train.xml"
    labels = read(tmp_path, file.read_bytes())
    errors = [problem for problem in labels.problems if problem.level == "error"]
    assert [(p.row, p.rule) for p in errors] == [(4, "known_video")]
