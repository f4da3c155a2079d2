"""Reads what the names of folders say about the videos in them: camera and label."""

import re
from pathlib import PurePosixPath

from aislewatch.frames.spans import NORMAL, SHOPLIFTING, UNLABELED

# Names of folders that give videos their label, in lower case and without blanks, "-" and "_": our
# own, those of UCF-Crime ("Training_Normal_Videos_Anomaly") and of Kaggle's ("non shop lifters").
# "Stealing" is another crime in UCF-Crime, so that it is none of them.
_SHOPLIFTING = r"shoplift(?:ing|ers?)?(?:videos?)?"
_CLASS_FOLDERS = {
    SHOPLIFTING: re.compile(_SHOPLIFTING),
    NORMAL: re.compile(rf"normal|(?:training|testing)?normalvideos?\w*|no[nt]?{_SHOPLIFTING}"),
    UNLABELED: re.compile(r"unlabell?ed"),
}


def camera_and_label(video: str) -> tuple[str, str]:
    """Read a video's camera and label from its folders.

    The class folder nearest to the file is the label; without one it is ``unlabeled``. The other
    folders are the camera: ``shop/cam1/Shoplifting/a.mp4`` is of ``shop/cam1``.
    """
    folders = PurePosixPath(video).parent.parts
    labels = [label for folder in folders if (label := class_of_folder(folder))]
    # The source itself may bear a class's name; a camera always has one.
    camera = [folder for folder in folders[1:] if not class_of_folder(folder)]
    return "/".join([folders[0], *camera]), labels[-1] if labels else UNLABELED


def class_of_folder(name: str) -> str | None:
    """Return the label that a folder of this name gives; None for a folder of no class."""
    word = re.sub(r"[\s_-]+", "", name.lower())
    found = (label for label, names in _CLASS_FOLDERS.items() if names.fullmatch(word))
    return next(found, None)


def opposed_folders(video: str) -> tuple[str, str] | None:
    """Return two folders below a source that give one video different labels; None without.

    The source's own name is of no account: a data set of one class may bear it, and hold others.
    """
    named = [(folder, class_of_folder(folder)) for folder in PurePosixPath(video).parent.parts[1:]]
    classes = [(folder, label) for folder, label in named if label]
    others = (folder for folder, label in classes if label != classes[-1][1])
    other = next(others, None)
    return None if other is None else (other, classes[-1][0])
