"""Says who stands in a zone of a camera's picture, and refuses zones that can restrict nothing."""

from collections.abc import Sequence
from dataclasses import replace

from aislewatch.alerts.clips import Box
from aislewatch.errors import ConfigError
from aislewatch.watch.cameras_file import Cameras, LiveCamera, Zone
from aislewatch.watch.windows import LiveClip


def stands_in(box: Box, zones: Sequence[Zone]) -> bool:
    """Say whether a person's foot point is in one of the zones.

    The foot point is the middle of the box's lower side. A zone is a part of the floor: the middle
    of a tall person's box may lie before a shelf behind which nobody of the zone stands.
    """
    left, _, right, bottom = box
    return any(_is_inside((left + right) / 2, bottom, zone.polygon) for zone in zones)


def _is_inside(x: float, y: float, polygon: Sequence[Sequence[float]]) -> bool:
    """Count the sides that a ray to the right crosses: an odd number from inside."""
    inside = False
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


def restricted(clip: LiveClip, camera: LiveCamera) -> LiveClip:
    """Leave out the people of a clip who stand in none of the camera's zones, if it has any."""
    if not camera.zones:
        return clip
    views = [view for view in clip.views if view.box and stands_in(view.box, camera.zones)]
    return replace(clip, views=tuple(views))


def check_zones(cameras: Cameras, version: str) -> None:
    """Refuse zones of a version that looks at whole pictures.

    Raises:
        ConfigError: a camera has one.
    """
    for camera in cameras.cameras:
        for zone in camera.zones:
            raise ConfigError(
                f"zone {zone.name} of camera {camera.name} cannot restrict alerts: version "
                f"{version} looks at whole pictures and knows nobody's place; remove the zone, or "
                "promote a version trained with people.detector: yolox"
            )
