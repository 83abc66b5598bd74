"""`init` and `serve`: the first minutes, with and without a project."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from workaday.cli.output import say
from workaday.cli.run import Exit

PLATFORMS = ("local", "aws", "gcp", "azure")
NOT_EXAMPLES = ("platforms",)
MADE = {"__pycache__", ".workaday", "deploy"}  # where someone tried an example in its place
NEXT_LOCAL = "workaday plan && workaday apply"
NEXT_CLOUD = "workaday plan --offline   # needs no account; then write what is `yours`, and plan for real"


def init(folder: Path, platform: str, example: str) -> int:
    """Copy an example to a folder; a file that is there already is never overwritten."""
    from workaday.project.diagnostics import mistake
    from workaday.resources import bundle

    templates = bundle() / "templates" / "init"
    sources = examples(templates, bundle() / "examples")
    for given, known, what in ((platform, PLATFORMS, "platform"), (example, sorted(sources), "example")):
        if given not in known:
            raise mistake("X120", f"no {what} `{given}` to start from", f"there is: {', '.join(known)}")
    source = sources[example]
    if platform != "local" and (source / "environments").is_dir():
        hint = f"leave `--platform` out, then `workaday plan --env {platform} --offline`"
        raise mistake("X120", f"example `{example}` has each cloud as an environment", hint)
    files = [each for each in sorted(source.rglob("*")) if each.is_file() and not MADE & {*each.parts}]
    targets = [folder / each.relative_to(source) for each in files]
    present = [str(each) for each in targets if each.name != ".gitignore" and os.path.lexists(each)]
    if present:
        message = f"{', '.join(present)} exist{'s' * (len(present) == 1)}; nothing was written"
        raise mistake("X121", message, "choose another folder: `workaday init DIR`")
    try:
        for origin, target in zip(files, targets, strict=True):
            if target.exists():
                continue  # a .gitignore of the user's own
            target.parent.mkdir(parents=True, exist_ok=True)
            if origin.name == "project.yaml" and source.parent == templates:
                text = first_file(origin.read_text(), project_name(folder), templates / "platforms", platform)
                target.write_text(text)
            else:
                shutil.copyfile(origin, target)
            say(f"wrote {target}")
    except OSError as error:
        said = (error.strerror or "it cannot be written").lower()
        raise mistake("X123", f"cannot write to {folder}: {said}") from None
    here = (
        ""
        if folder == Path()
        else f"cd {shlex.quote(str(folder.absolute() if str(folder)[0] in '-~' else folder))} && "
    )
    say(f"\nnext: {here}{NEXT_LOCAL if platform == 'local' else NEXT_CLOUD}")
    return Exit.DONE


def examples(templates: Path, folder: Path) -> dict[str, Path]:
    """Return what there is to start from, by name: the first steps, and the repository's examples."""
    steps = {each.name: each for each in templates.iterdir() if each.is_dir() and each.name not in NOT_EXAMPLES}
    return steps | {each.parent.name: each.parent for each in folder.glob("*/project.yaml")}


def first_file(text: str, name: str, platforms: Path, platform: str) -> str:
    """Return an example's project file for a platform: its own part, and what each model asks for there."""
    whole, _, of_models = (platforms / f"{platform}.yaml").read_text().partition("---\n")
    return text.replace("NAME", name).replace("PLATFORM\n", whole).replace("COMPUTE\n", of_models)


def project_name(folder: Path) -> str:
    """Return a valid project name from a folder's."""
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in folder.absolute().name.lower())
    name = letters.strip("-0123456789")[:31].rstrip("-")
    return name or "hello"


def serve(predictor: Path, name: str | None, port: int, *, reload: bool) -> int:
    """Become the model server with one predictor."""
    from workaday.execute.process import has_server
    from workaday.project.diagnostics import mistake

    interpreter = next((each for each in candidates() if has_server(each)), None)
    if interpreter is None:
        hint = "run `workaday apply` in a project once: it makes an environment with it"
        raise mistake("L130", "this Python has no model server", hint)
    command = [interpreter, "-m", "workaday_server", "serve", str(predictor), "--port", str(port)]
    command += ["--name", name] if name else []
    command += ["--reload"] if reload else []
    sys.stdout.flush()
    os.execv(interpreter, command)


def candidates() -> list[str]:
    """Return the interpreters that may have the server: this one, then the environments of the project here."""
    noted = sorted(Path(".workaday").glob("*/environments/base/interpreter"))
    return [sys.executable, *(each.read_text().strip() for each in noted)]
