"""Rendering the template.

Everything works on a copy of the repository's files, made once at the start, so that one run sees
one state of the template. Most tests render in process, in a fraction of a second; those about the
command line, tags and updates run `copier` itself.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import copier
import jinja2
import pytest
from copier._main import Worker
from filelock import FileLock

from tests.support import options
from tests.support.options import Answers
from tests.support.paths import ROOT
from tests.support.running import run

IN_PROCESS: dict[str, Any] = {
    "defaults": True,
    "quiet": True,
    "settings": copier.Settings(),
    "skip_tasks": True,
}
"""copier's own API: without hooks, and without the user's settings of copier."""


class Render(Protocol):
    def __call__(self, **answers: str | bool) -> Path: ...


def copy_of_this_repository(shared: Path) -> Path:
    """This repository's files, committed or not, without those that git ignores."""
    copy = shared / "template"
    with FileLock(shared / "template.lock"):
        if not copy.exists():
            # The user's own git here: it may have to be told that this folder is safe.
            listing = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
            for name in run(*listing, cwd=ROOT, env=dict(os.environ)).split("\0"):
                if name and (ROOT / name).exists():
                    (shared / "unfinished" / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, shared / "unfinished" / name)
            (shared / "unfinished").rename(copy)
    return copy


def render_once(template: Path, folder: Path, **answers: str | bool) -> Path:
    return made_once(folder, answers, lambda tree: render_to(template, tree, answers))


def made_once(folder: Path, answers: Answers, make: Callable[[Path], None]) -> Path:
    """The tree of these answers in the folder, made by whichever worker asks for it first."""
    key = hashlib.sha256(json.dumps(options.non_defaults(answers), sort_keys=True).encode()).hexdigest()
    tree = folder / key[:16] / "my-api"
    tree.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(tree.with_name("lock")):
        if not tree.exists():
            unfinished = tree.with_name("unfinished")
            make(unfinished)
            unfinished.rename(tree)
    return tree


def render_to(template: Path, destination: Path, answers: Answers) -> None:
    data = options.non_defaults(answers)
    copier.run_copy(str(template), destination, data=data, **IN_PROCESS)


@contextmanager
def cached_templates() -> Iterator[None]:
    """Spare copier, in process, what it does anew for each path and file of each render."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_ = jinja2.Environment.compile

    def compile_once(self: jinja2.Environment, source: Any, *args: Any, **kwargs: Any) -> Any:
        # The lexer stands for delimiters and whitespace options: Jinja keeps one for each set.
        key = (type(self), self.lexer, str(source), args, tuple(kwargs.items()))
        if key not in compiled:
            compiled[key] = compile_(self, source, *args, **kwargs)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", compile_once)
        answers_path = cached_property(vars(Worker)["answers_relpath"].fget)
        answers_path.__set_name__(Worker, "answers_relpath")
        patch.setattr(Worker, "answers_relpath", answers_path)
        # A call of git for each file, which matters where git is told to ignore modes.
        patch.setattr(Worker, "_sync_git_index_executable_bit", lambda *_: None)
        yield


def files(tree: Path) -> dict[str, bytes]:
    """Every file by its path, with what is in it."""
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }
