"""`doctor` on AWS: moto for EC2's offerings, S3, STS and roles; botocore's Stubber for quotas and IAM's simulator."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from moto import mock_aws

from workaday.catalog import read
from workaday.execute.clouds import Offer, aws
from workaday.execute.clouds.aws_rights import rights
from workaday.execute.doctor import examine
from workaday.execute.doctor.account import machines, offered, permissions, state
from workaday.execute.prices import wanted
from workaday.project.diagnostics import ProjectError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RIGHTS_PAGE = Path(__file__).parents[2] / "docs" / "clouds" / "aws.md"


def quota(code: str, name: str, kind: str, value: float) -> dict[str, object]:
    """As Service Quotas answers."""
    return {
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "UsageMetric": {"MetricNamespace": "AWS/Usage", "MetricDimensions": {"Class": kind, "Service": "EC2"}},
    }


QUOTAS = [
    quota("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "Standard/OnDemand", 64.0),
    quota("L-DB2E81BA", "Running On-Demand G and VT instances", "G/OnDemand", 0.0),
    quota("L-3819A6DF", "All G and VT Spot Instance Requests", "G/Spot", 16.0),
    {"QuotaCode": "L-0263D0A3", "QuotaName": "EC2-VPC Elastic IPs", "Value": 5.0},
]


class Clients:
    """Clients of moto, but for those that are stubbed."""

    def __init__(self) -> None:
        self.made: dict[str, object] = {}

    def __call__(self, service: str):
        return self.made.setdefault(service, boto3.client(service, region_name="us-east-1"))

    def stub(self, service: str) -> Stubber:
        stub = Stubber(self(service))
        stub.activate()
        return stub


@pytest.fixture
def clients():
    with mock_aws():
        yield Clients()


def test_quotas_are_known_by_their_class_and_held_against_what_the_pools_may_grow_to(workspace, clients):
    opened = workspace("aws")
    account = aws.Aws(opened.blueprint.cloud, clients)
    stub = clients.stub("service-quotas")
    stub.add_response("list_service_quotas", {"Quotas": QUOTAS[:2], "NextToken": "more"}, {"ServiceCode": "ec2"})
    stub.add_response("list_service_quotas", {"Quotas": QUOTAS[2:]}, {"ServiceCode": "ec2", "NextToken": "more"})
    found = {each.what: each for each in machines(account, opened.blueprint)}
    stub.assert_no_pending_responses()
    assert found["quota L-1216C47A"].state == "ok"
    # one node stays on demand, and all ten may fall back to it
    none = found["quota L-DB2E81BA"]
    assert none.state == "failed"
    assert re.match(r"4 to \d+ vCPUs for gpu; the limit is 0: Running On-Demand G", none.said)
    assert "(L-DB2E81BA), in us-east-1" in none.fix
    little = found["quota L-3819A6DF"]
    assert little.state == "warning"
    assert "the limit is 16" in little.said


def test_a_limit_that_is_not_listed_is_unknown(workspace, clients):
    opened = workspace("aws")
    clients.stub("service-quotas").add_response("list_service_quotas", {"Quotas": []}, {"ServiceCode": "ec2"})
    found = machines(aws.Aws(opened.blueprint.cloud, clients), opened.blueprint)
    assert {each.state for each in found if each.what.startswith("quota")} == {"unknown"}


def test_quotas_that_cannot_be_asked_do_not_hide_the_offerings(workspace, clients):
    opened = workspace("aws")
    clients.stub("service-quotas").add_client_error("list_service_quotas", "AccessDeniedException", "not\nfor you")
    found = {each.what: each for each in machines(aws.Aws(opened.blueprint.cloud, clients), opened.blueprint)}
    assert found["types of gpu"].state == "ok"
    assert (found["quotas"].state, "not for you" in found["quotas"].said) == ("unknown", True)


def test_offerings_are_those_of_the_projects_zones(workspace, clients):
    opened = workspace("aws")
    types = wanted(opened.blueprint, read("aws"))
    offers = aws.Aws(opened.blueprint.cloud, clients).offers(types)
    assert "us-east-1a" in offers["g6.xlarge"].zones
    assert {each.state for each in offered(opened.blueprint, offers)} == {"ok"}
    moved = {name: Offer(frozenset({"us-east-1f"})) for name in offers}
    [_, gpu] = offered(opened.blueprint, moved)
    assert gpu.state == "failed"
    assert "g6.xlarge" in gpu.said
    assert "[us-east-1f]" in gpu.fix


def simulated(stub: Stubber, cloud, arn: str, denied: set[str]) -> None:
    for resource, actions in rights(cloud):
        expected = {
            "PolicySourceArn": arn,
            "ActionNames": list(actions),
            "ResourceArns": [resource],
            "ContextEntries": aws.context("us-east-1"),
        }
        results = [
            {"EvalActionName": each, "EvalDecision": "implicitDeny" if each in denied else "allowed"}
            for each in actions
        ]
        stub.add_response("simulate_principal_policy", {"EvaluationResults": results}, expected)


def test_permissions_are_asked_of_the_simulator_for_the_role_behind_the_session(cloud, clients, monkeypatch):
    made = cloud("aws")
    iam = clients("iam")
    role = iam.create_role(RoleName="platform", Path="/team/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    sts = clients("sts").assume_role(RoleArn=role, RoleSessionName="ann")["Credentials"]
    clients.made["sts"] = boto3.client(
        "sts", region_name="us-east-1", aws_access_key_id=sts["AccessKeyId"],
        aws_secret_access_key=sts["SecretAccessKey"], aws_session_token=sts["SessionToken"],
    )  # fmt: skip
    account = aws.Aws(made, clients)
    assert account.who().account == "123456789012"
    arn = account._principal(account.who().name)
    assert arn == "arn:aws:iam::123456789012:role/team/platform"
    assert account._principal("arn:aws:iam::123456789012:user/ann") == "arn:aws:iam::123456789012:user/ann"
    hidden = "arn:aws:sts::123456789012:assumed-role/hidden/ann"
    assert account._principal(hidden) == "arn:aws:iam::123456789012:role/hidden"
    monkeypatch.setattr(account, "_principal", lambda arn: role)  # the stub answers the simulator alone
    stub = clients.stub("iam")
    simulated(stub, made, role, {"eks:CreateCluster", "iam:PassRole"})
    found = permissions(account, made)
    stub.assert_no_pending_responses()
    assert (found.state, found.said) == ("failed", "2 missing: eks:CreateCluster, iam:PassRole")
    simulated(stub, made, role, set())
    assert permissions(account, made).state == "ok"


def test_who_may_not_ask_the_simulator_is_told_so(cloud, clients, monkeypatch):
    account = aws.Aws(cloud("aws"), clients)
    monkeypatch.setattr(account, "_principal", lambda arn: "arn:aws:iam::123456789012:role/x")
    clients.stub("iam").add_client_error("simulate_principal_policy", "AccessDenied")
    with pytest.raises(ProjectError) as error:
        account.missing()
    assert [each.code for each in error.value.diagnostics] == ["X150"]


def granted() -> list[dict]:
    """The statements of the page's two policies."""
    blocks = re.findall(r"```json\n(.*?)```", RIGHTS_PAGE.read_text(), re.DOTALL)
    return [statement for each in blocks for statement in json.loads(each)["Statement"]]


def listed(value: object) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_every_right_that_is_asked_for_is_one_that_the_page_tells_to_grant(cloud):
    """The page's names are of another project: account and name are put into its place."""
    made = cloud("aws", platform="budget: {monthly: 500, notify: [ann@example.com]}")
    for resource, actions in rights(made):
        for action in actions:
            fitting = [
                statement
                for statement in granted()
                if any(fnmatchcase(action, pattern) for pattern in listed(statement["Action"]))
                and any(
                    fnmatchcase(resource, re.sub("111122223333", made.account, pattern).replace("dungeon", "shop"))
                    for pattern in listed(statement["Resource"])
                )
            ]
            assert fitting, f"{action} on {resource} is in no statement of the page"


def test_the_states_bucket_is_there_or_not_yet(cloud, clients):
    made = cloud("aws")
    account = aws.Aws(made, clients)
    assert "not there yet" in state(account, made).said
    clients("s3").create_bucket(Bucket=made.state.bucket)
    assert state(account, made).said == f"`{made.state.bucket}` is there"


def test_the_end_of_a_session_in_environment_variables_is_known(workspace, clients, monkeypatch):
    opened = workspace("aws")
    end = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=20, second=0, microsecond=0)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", end.isoformat())
    account = aws.Aws(opened.blueprint.cloud, clients)
    found = {each.what: each for each in examine(opened, end - timedelta(minutes=20), account)}
    assert found["credentials"].state == "ok"
    assert (found["session"].state, found["session"].said) == ("warning", "ends at 12:20 UTC, in 20 minutes")


def test_a_session_that_has_ended_is_a_named_error(monkeypatch):
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
    with pytest.raises(ProjectError) as error:
        aws.token("shop", "us-east-1")
    assert [each.code for each in error.value.diagnostics] == ["X112"]


def test_credentials_of_another_account_end_the_questions(workspace, clients):
    opened = workspace("aws", platform='account: "999999999999"')
    found = {each.what: each for each in examine(opened, NOW, aws.Aws(opened.blueprint.cloud, clients))}
    assert found["credentials"].state == "failed"
    assert "leads to 123456789012; this project is for 999999999999" in found["credentials"].said
    assert found["permissions"].said == "not asked: see `credentials`"


def test_what_boto_raises_is_a_named_error():
    with pytest.raises(ProjectError) as error, aws.asked():
        raise ConnectTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com")
    assert [each.code for each in error.value.diagnostics] == ["X151"]
    client = boto3.client("sts", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired")
        with pytest.raises(ProjectError) as error, aws.asked():
            client.get_caller_identity()
    assert [each.code for each in error.value.diagnostics] == ["X112"]


def test_a_profile_that_is_not_there_is_a_named_error(cloud, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ProjectError) as error:
        aws.account(cloud("aws"))
    assert [each.code for each in error.value.diagnostics] == ["X112"]
