"""Say what Terraform's failure means at the line of project.yaml that it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from workaday.execute.terraform import Event, TerraformFailure
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError
from workaday.render.origins import ORIGINS, Origins, parse

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace
    from workaday.project.sources import Sources

# process.py prints `error: …` as its last words; local-exec wraps them in a paragraph about itself.
# What a module of ours refuses, in its own words: a validation or a precondition.
REFUSALS = {"Invalid value for variable", "Resource precondition failed", "Resource postcondition failed"}
CHECKED_BY = re.compile(r"\n*This was checked by the validation rule at .*\Z", re.DOTALL)
# A refusal begins with what it is about, by the user's name; Terraform's finding has the resource, not which of them.
ABOUT = re.compile(r"node group (\S+?):")
PLACE = re.compile(r"\nat [^\n]+:\d+:\d+: [^\n]*\Z")
# The variable that a finding is about: its declaration, its value in a tfvars file, or the argument that passes it on.
VARIABLE = re.compile(r'variable "(\w+)"|^\s*"(\w+)":|^\s*\w+\s*=.*?\bvar\.(\w+)|^\s*(\w+)\s*=')
MODULE = re.compile(r"module\.\w+")
NO_CREDENTIALS = re.compile(
    r"No valid credential sources|ExpiredToken|InvalidClientTokenId|could not find default credentials"
    r"|unable to build authorizer|building account|Please run 'az login'|invalid_grant"
)
LOGINS = {
    "aws": "log in (`aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
    "gcp": "log in (`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS)",
    "azure": "log in (`az login`, or ARM_CLIENT_ID, ARM_TENANT_ID and ARM_CLIENT_SECRET)",
}
OTHER_ACCOUNT = re.compile(r"[Aa]ccount ID not allowed: (\d+)")
LOCK = re.compile(
    r"^\s+ID:\s+(?P<id>\S+).*?Operation:\s+(?P<what>\S*).*?Who:\s+(?P<who>\S*).*?Created:\s+(?P<when>[^\n]*)",
    re.DOTALL | re.MULTILINE,
)
PROTECTED = re.compile(r"Resource (\S+) has\s+lifecycle\.prevent_destroy\s+set")
# The frame that Terraform draws around what it says to people.
FRAME = re.compile(r"^[╷│╵][ \t]?", re.MULTILINE)
OWN_WORDS = re.compile(r"Output: (?:.*\n)*?error: (?P<message>(?:.|\n)+)\Z")


@contextmanager
def at_its_origin(workspace: Workspace) -> Iterator[None]:
    """Turn a TerraformFailure into a ProjectError that points into project.yaml, by the tree's origin table."""
    try:
        yield
    except TerraformFailure as failure:
        try:
            origins = parse((workspace.tree / ORIGINS).read_bytes())
        except (OSError, ValueError):
            origins = Origins()
        root = workspace.terraform_root.relative_to(workspace.tree).as_posix()
        found = wrong_account(failure, workspace) or as_project_error(
            failure, lambda address: origins.lookup_address(root, address), workspace.blueprint.platform
        )
        sources = workspace.loaded.sources
        raise ProjectError([at_its_key(each, sources) for each in found.diagnostics], sources) from None


def at_its_key(found: Diagnostic, sources: Sources) -> Diagnostic:
    """Return a finding at the very key that its words begin with (`network.cidr must ...`), where a file has it."""
    about = re.match(rf"{re.escape(str(found.path[-1]))}\.(\w+)", found.message) if found.path else None
    path = (*found.path, about[1]) if about else found.path
    return replace(found, path=path) if sources.origin(path) else found


def wrong_account(failure: TerraformFailure, workspace: Workspace) -> ProjectError | None:
    """Return that the credentials are another account's, where that is what failed (X117)."""
    found = OTHER_ACCOUNT.search(failure.output + "".join(str(each) for each in failure.diagnostics))
    cloud = workspace.blueprint.cloud
    if not found or cloud is None:
        return None
    message = f"you are logged in to account {found[1]}; this project is for {cloud.account}"
    hints = ("choose the other profile (AWS_PROFILE), or correct `platform.account`",)
    return ProjectError([Diagnostic("X117", message, ("platform", "account"), hints=hints)])


def as_project_error(
    failure: TerraformFailure,
    origin: Callable[[str], KeyPath | None] = lambda address: None,
    platform: str = "",
) -> ProjectError:
    """Return a failure as findings: the program's own words where it had any, Terraform's elsewhere.

    `origin` gives the key path of a resource's address or of `var.NAME`.
    """
    if found := NO_CREDENTIALS.search(failure.output + "".join(str(each) for each in failure.diagnostics)):
        return ProjectError([_no_credentials(failure, found[0], platform)])
    if failure.diagnostics:
        return ProjectError([_finding(each, origin(_subject(each))) for each in failure.diagnostics])
    return ProjectError(
        [Diagnostic(code="X110", message=f"terraform {failure.verb} failed: {unframed(failure.output)}")]
    )


def _finding(raw: Event, key: KeyPath | None) -> Diagnostic:
    address, detail = raw.get("address", ""), raw.get("detail", "")
    path = key or ()
    words = OWN_WORDS.search(detail)
    if words:
        return Diagnostic(
            code="L110",
            message=f"{_who(address)}: {words['message'].strip()}",
            path=path,
            hints=("run `workaday apply` again once that is mended: it goes on from here",),
        )
    if raw["summary"] == "Error acquiring the state lock" and (lock := LOCK.search(detail)):
        return _locked(lock)
    if raw["summary"] == "Saved plan is stale":
        hint = "run `workaday plan` again, and look at what it says now"
        return Diagnostic("X116", "someone has applied since this plan was made", hints=(hint,))
    if raw["summary"] in REFUSALS:
        said = PLACE.sub("", CHECKED_BY.sub("", detail))
        return Diagnostic(code="X111", message=" ".join(said.split()), path=path)
    if protected := PROTECTED.search(detail):
        return _protected(protected[1], path)
    where = f": {address}" if address else ""
    return Diagnostic(code="X110", message=f"terraform: {raw['summary']}{where}\n{detail}".rstrip(), path=path)


def _no_credentials(failure: TerraformFailure, said: str, platform: str) -> Diagnostic:
    """Return that the cloud does not know us, with the way to log in and the one without an account."""
    logins = (LOGINS[platform],) if platform in LOGINS else tuple(LOGINS.values())
    return Diagnostic(
        "X112",
        f"no credentials for the cloud: terraform {failure.verb} says `{said}`",
        ("platform", "kind"),
        hints=(*logins, "or look without an account: `workaday plan --offline`"),
    )


def _protected(address: str, path: KeyPath) -> Diagnostic:
    """Return that a plan would destroy what no plan may: what a name, a region or an account is part of."""
    return Diagnostic(
        "X110",
        f"this would destroy {address}, which is protected: with another name, region or account it is another one",
        path,
        hints=(
            "take the change back",
            "or start anew beside it, from another folder, and `workaday destroy` this one once all is moved",
        ),
    )


def unframed(text: str) -> str:
    """Return what Terraform says to people without the frame around it."""
    return FRAME.sub("", text).strip()


def _locked(lock: re.Match[str]) -> Diagnostic:
    what = lock["what"].removeprefix("OperationType").lower() or "something"
    return Diagnostic(
        "X113",
        f"the state is locked: {lock['who']} runs {what} since {lock['when']}",
        hints=(
            "wait until it has ended, then run the command again",
            f"if that run is dead: `terraform force-unlock {lock['id']}` in the tree's `terraform/cluster`",
        ),
    )


def _subject(raw: Event) -> str:
    """Return what a finding is about: a resource's address, or `var.NAME`."""
    if raw["summary"] == "Resource precondition failed" and (group := ABOUT.match(raw.get("detail", ""))):
        return f'var.node_groups["{group[1]}"]'
    snippet = raw.get("snippet") or {}
    address: str = raw.get("address") or ""
    # a module's own address says less than the variable that it was given
    if not address or MODULE.fullmatch(address):
        for text in (snippet.get("context") or "", snippet.get("code") or ""):
            if found := VARIABLE.search(text):
                return f"var.{next(filter(None, found.groups()))}"
    return address


def _who(address: str) -> str:
    found = re.search(r'terraform_data\.(\w+)(?:\["(.+)"\])?$', address)
    return f"{found[1]} `{found[2]}`" if found and found[2] else (found[1] if found else address)
