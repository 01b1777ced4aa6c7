"""Helpers that render the template.

Tests render a copy of the repository that is made at the start of the test run, so that edits to
the repository during the run have no effect. Most tests call copier's Python API, which takes a
fraction of a second. Tests of copier's command line run the command `copier`.
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
"""Arguments for copier's Python API that skip hooks and ignore the user's copier settings."""

DIGESTS = "digests.json"
"""Name of a file next to a rendered project, with the hashes of the project's files."""


class Render(Protocol):
    def __call__(self, **answers: str | bool) -> Path: ...


def copy_of_this_repository(shared: Path) -> Path:
    """Copy this repository's files, including uncommitted files, but not files that git ignores."""
    copy = shared / "template"
    with FileLock(shared / "template.lock"):
        if not copy.exists():
            # Use the user's git settings: without `safe.directory`, git may refuse this repository.
            listing = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
            for name in run(*listing, cwd=ROOT, env=dict(os.environ)).split("\0"):
                if name and (ROOT / name).exists():
                    (shared / "unfinished" / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, shared / "unfinished" / name)
            (shared / "unfinished").rename(copy)
    return copy


def render_once(template: Path, folder: Path, **answers: str | bool) -> Path:
    def make(tree: Path) -> None:
        render_to(template, tree, answers)
        listed = {name: hashlib.sha256(data).hexdigest() for name, data in files(tree).items()}
        tree.with_name(DIGESTS).write_text(json.dumps(listed), encoding="utf-8")

    return made_once(folder, answers, make)


def digests(tree: Path) -> dict[str, str]:
    """Return the SHA-256 hashes of the files in a project that `render_once` rendered, by path."""
    listed: dict[str, str] = json.loads(tree.with_name(DIGESTS).read_text(encoding="utf-8"))
    return listed


def made_once(folder: Path, answers: Answers, make: Callable[[Path], None]) -> Path:
    """Return a project folder for these answers. Call `make` only if the folder is missing."""
    changed = json.dumps(options.non_defaults(answers), sort_keys=True)
    key = hashlib.sha256(changed.encode()).hexdigest()
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
    """Make copier faster in this process, without any effect on the rendered files.

    Cache compiled templates, do not render names without Jinja tags, and skip calls to git.
    """
    compiled: dict[tuple[object, ...], Any] = {}
    compile_ = jinja2.Environment.compile

    def compile_once(self: jinja2.Environment, source: Any, *args: Any, **kwargs: Any) -> Any:
        # The key contains the lexer, which depends on Jinja's whitespace options.
        key = (type(self), self.lexer, str(source), args, tuple(kwargs.items()))
        if key not in compiled:
            compiled[key] = compile_(self, source, *args, **kwargs)
        return compiled[key]

    render_string = vars(Worker)["_render_string"]

    def render_if_tagged(self: Worker, string: str, extra_context: Any = None) -> Any:
        # copier also renders the name of every file and folder, but few names contain a tag.
        return render_string(self, string, extra_context) if "{" in string else string

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", compile_once)
        patch.setattr(Worker, "_render_string", render_if_tagged)
        answers_path = cached_property(vars(Worker)["answers_relpath"].fget)
        answers_path.__set_name__(Worker, "answers_relpath")
        patch.setattr(Worker, "answers_relpath", answers_path)
        # Skip copier's git call for each file: it has an effect only if core.fileMode is false.
        patch.setattr(Worker, "_sync_git_index_executable_bit", lambda *_: None)
        yield


def files(tree: Path) -> dict[str, bytes]:
    """Return the content of every file in the folder, by relative path."""
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }
