"""A kubeconfig and its tokens: the formats that clusters and kubectl read, byte for byte; merging."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import types
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import yaml
from botocore.stub import Stubber
from helmet import binary
from moto import mock_aws

from workaday.cli.run import run
from workaday.execute import kubeconfig
from workaday.execute.clouds import Address, Token, aws, azure, gcp
from workaday.execute.clouds.azure import Azure
from workaday.execute.clouds.gcp import Gcp
from workaday.project.diagnostics import ProjectError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
# What EKS' authenticator lets stand in a token's URL, in lower case; anything else is refused.
# https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/token/token.go
PARAMETERS = {
    "action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token",
    "x-amz-signature", "x-amz-signedheaders",
}  # fmt: skip


def url_of(token: str) -> tuple[object, dict[str, str]]:
    assert token.startswith("k8s-aws-v1.")
    text = token.removeprefix("k8s-aws-v1.")
    assert not set(text) & set("+/=")
    url = urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    return url, {key: value for key, [value] in parse_qs(url.query, strict_parsing=True).items()}


def test_a_token_for_eks_is_a_signed_question_to_the_regions_sts_that_one_cluster_may_use():
    token = aws.token("shop", "eu-west-1", NOW)
    url, query = url_of(token.text)
    assert (url.scheme, url.netloc, url.path) == ("https", "sts.eu-west-1.amazonaws.com", "/")
    assert {each.lower() for each in query} <= PARAMETERS
    assert (query["Action"], query["Version"]) == ("GetCallerIdentity", "2011-06-15")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Credential"].split("/")[0] == "testing"
    assert query["X-Amz-Credential"].split("/")[2:] == ["eu-west-1", "sts", "aws4_request"]
    assert len(token.text) < 4096
    assert token.expires == NOW + timedelta(minutes=14)


def test_the_signature_is_that_of_the_specification(monkeypatch):
    """Signed anew by hand, by the four steps of Signature Version 4, over the host and the cluster's name."""
    import hashlib
    import hmac

    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/with+signs=")
    url, query = url_of(aws.token("shop", "us-east-1").text)
    assert query["X-Amz-Security-Token"] == "session/with+signs="
    given = query.pop("X-Amz-Signature")
    canonical = url.query.rpartition("&X-Amz-Signature=")[0]
    lines = ["GET", "/", "&".join(sorted(canonical.split("&"))), f"host:{url.netloc}", "x-k8s-aws-id:shop", ""]
    request = "\n".join([*lines, "host;x-k8s-aws-id", hashlib.sha256(b"").hexdigest()])
    scope = query["X-Amz-Credential"].partition("/")[2]
    what = "\n".join(
        [query["X-Amz-Algorithm"], query["X-Amz-Date"], scope, hashlib.sha256(request.encode()).hexdigest()]
    )
    key = b"AWS4testing"
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert hmac.new(key, what.encode(), hashlib.sha256).hexdigest() == given


def test_without_credentials_it_is_a_named_error(monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ProjectError) as error:
        aws.token("shop", "us-east-1")
    assert [each.code for each in error.value.diagnostics] == ["X112"]


def test_kubectl_is_answered_as_it_asks():
    answer = json.loads(kubeconfig.credential(Token("abc", NOW), {}))
    assert answer["apiVersion"] == "client.authentication.k8s.io/v1"
    assert answer["kind"] == "ExecCredential"
    assert answer["status"] == {"token": "abc", "expirationTimestamp": "2026-11-24T12:00:00Z"}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ('{"apiVersion": "client.authentication.k8s.io/v1beta1"}', "v1beta1"),
        ('{"apiVersion": "client.authentication.k8s.io/v1"}', "v1"),
        ('{"apiVersion": "client.authentication.k8s.io/v9"}', "v1"),
        ("[]", "v1"),
        ("what", "v1"),
    ],
)
def test_it_is_answered_in_the_version_that_it_asks_for(info, expected):
    answer = json.loads(kubeconfig.credential(Token("abc", NOW), {"KUBERNETES_EXEC_INFO": info}))
    assert answer["apiVersion"] == f"client.authentication.k8s.io/{expected}"


def test_the_client_of_our_own_sends_the_token_too(cloud, api, tmp_path, certificate):
    from workaday.execute import kube

    seen = []

    def nodes(query, headers, body):
        seen.append(headers.get("Authorization", ""))
        return 200, {"Content-Type": "application/json"}, b'{"kind": "NodeList", "items": []}'

    api.on("GET", "/api/v1/nodes", nodes)
    address = Address(api.over_tls(certificate), base64.b64encode(certificate.read_bytes()).decode())
    path = tmp_path / "config"
    kubeconfig.write(path, kubeconfig.config(cloud("aws"), address, {}), backup=False)
    assert kube.opened(str(path), "shop").every(kube.NODE) == []
    _, query = url_of(seen[-1].removeprefix("Bearer "))
    assert query["Action"] == "GetCallerIdentity"


def test_kubectl_runs_the_plugin_that_the_kubeconfig_names(cloud, tmp_path):
    config = kubeconfig.config(cloud("aws"), Address("https://cluster", PEM), {"AWS_PROFILE": "work", "HOME": "/x"})
    user = config["users"][0]["user"]["exec"]
    assert user["env"] == [{"name": "AWS_PROFILE", "value": "work"}]
    done = subprocess.run(
        [user["command"], *user["args"]], cwd=tmp_path, capture_output=True, text=True, check=True
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["apiVersion"] == user["apiVersion"]
    url, query = url_of(answer["status"]["token"])
    assert url.netloc == "sts.us-east-1.amazonaws.com"
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"


def test_kubectl_itself_reads_it_and_sends_the_token(cloud, api, tmp_path, certificate):
    seen = []

    def version(query, headers, body):
        seen.append(headers.get("Authorization", ""))
        return 200, {"Content-Type": "application/json"}, b'{"major": "1", "minor": "35", "gitVersion": "v1.35.0"}'

    api.on("GET", "/version", version)
    config = tmp_path / "config"
    address = Address(api.over_tls(certificate), base64.b64encode(certificate.read_bytes()).decode())
    kubeconfig.write(config, kubeconfig.config(cloud("aws"), address, {}), backup=False)
    done = subprocess.run(
        [binary("kubectl"), "--kubeconfig", config, "get", "--raw", "/version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "v1.35.0" in done.stdout, done.stderr
    _, query = url_of(seen[-1].removeprefix("Bearer "))
    assert query["Action"] == "GetCallerIdentity"


OTHER = """\
apiVersion: v1
kind: Config
preferences: {colors: true}
clusters:
- {name: other, cluster: {server: "https://other"}}
- {name: shop, cluster: {server: "https://old"}}
contexts:
- {name: other, context: {cluster: other, user: me}}
users:
- {name: me, user: {token: secret}}
current-context: other
"""


def test_other_entries_stay_and_ours_is_replaced(cloud, tmp_path):
    path = tmp_path / "config"
    path.write_text(OTHER)
    added = kubeconfig.config(cloud("gcp"), Address("https://new", PEM), {})
    kept = kubeconfig.write(path, added, backup=True)
    assert kept is not None
    assert kept.read_text() == OTHER
    found = yaml.safe_load(path.read_text())
    assert found["preferences"] == {"colors": True}
    assert [each["name"] for each in found["clusters"]] == ["other", "shop"]
    assert found["clusters"][1]["cluster"] == {"server": "https://new", "certificate-authority-data": PEM}
    assert [each["name"] for each in found["users"]] == ["me", "shop"]
    assert found["current-context"] == "shop"
    assert path.stat().st_mode & 0o777 == 0o600
    kubeconfig.write(path, added, backup=False)
    assert yaml.safe_load(path.read_text()) == found


@pytest.mark.parametrize("text", ["- a\n", "kind: Pod\n", "a: [\n", "clusters: 3\n", "clusters: [3]\n"])
def test_what_is_no_kubeconfig_is_left_alone(cloud, tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ProjectError) as error:
        kubeconfig.write(path, kubeconfig.config(cloud("aws"), Address("https://x", PEM), {}), backup=True)
    assert [each.code for each in error.value.diagnostics] == ["X153"]
    assert path.read_text() == text
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("config.")] == []


def eks(cloud, answer=None, error=None) -> aws.Aws:
    client = boto3.client("eks", region_name="us-east-1")
    stub = Stubber(client)
    if error:
        stub.add_client_error("describe_cluster", error, expected_params={"name": "shop"})
    else:
        stub.add_response("describe_cluster", {"cluster": answer}, {"name": "shop"})
    stub.activate()
    return aws.Aws(cloud, lambda service: client)


def test_eks_says_where_its_api_is(cloud):
    there = {"endpoint": "https://abc.eks.amazonaws.com", "certificateAuthority": {"data": PEM}, "status": "ACTIVE"}
    assert eks(cloud("aws"), there).address() == Address("https://abc.eks.amazonaws.com", PEM)
    assert eks(cloud("aws"), {"status": "CREATING"}).address() is None
    assert eks(cloud("aws"), error="ResourceNotFoundException").address() is None
    with pytest.raises(ProjectError) as error:
        eks(cloud("aws"), error="AccessDeniedException").address()
    assert [each.code for each in error.value.diagnostics] == ["X150"]


CLUSTER = "/projects/shop-prod/locations/us-central1/clusters/shop"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"endpoint": "34.1.2.3", "masterAuth": {"clusterCaCertificate": PEM}}, Address("https://34.1.2.3", PEM)),
        (
            {
                "endpoint": "34.1.2.3",
                "masterAuth": {"clusterCaCertificate": PEM},
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": "gke-1.us-central1.gke.goog", "allowExternalTraffic": True}
                },
            },
            Address("https://gke-1.us-central1.gke.goog", None),
        ),
    ],
)
def test_gke_says_where_its_api_is(cloud, api, rest, monkeypatch, said, expected):
    monkeypatch.setattr(gcp, "CONTAINER", api.url)
    api.on("GET", CLUSTER, said)
    assert Gcp(cloud("gcp"), rest, "me").address() == expected
    api.on("GET", CLUSTER, {"error": {"message": "Not found"}}, status=404)
    assert Gcp(cloud("gcp"), rest, "me").address() is None


def test_aks_says_where_its_api_is(cloud, api, rest, monkeypatch):
    monkeypatch.setattr(azure, "ARM", api.url)
    made = cloud("azure")
    path = (
        f"/subscriptions/{made.account}/resourceGroups/{made.resource_group}/providers/Microsoft.ContainerService"
        f"/managedClusters/{made.name}/listClusterUserCredential"
    )
    cluster = {"server": "https://x.azmk8s.io:443", "certificate-authority-data": PEM}
    config = {"clusters": [{"name": "x", "cluster": cluster}]}
    api.on("POST", path, {"kubeconfigs": [{"value": base64.b64encode(yaml.safe_dump(config).encode()).decode()}]})
    account = Azure(made, rest, lambda: "token")
    assert account.address() == Address("https://x.azmk8s.io:443", PEM)
    api.on("POST", path, {"error": {"message": "gone"}}, status=404)
    assert account.address() is None


def test_a_token_for_aks_is_made_out_to_aks():
    asked = []

    def get_token(*scopes):
        asked.append(scopes)
        return types.SimpleNamespace(token="abc", expires_on=int(NOW.timestamp()))

    assert azure.token(types.SimpleNamespace(get_token=get_token)) == Token("abc", NOW)
    assert asked == [("6dae42f8-4368-4678-94ff-3960e28e3630/.default",)]


def test_a_token_for_gke_is_an_access_token(monkeypatch):
    found = types.SimpleNamespace(valid=True, token="ya29", expiry=NOW.replace(tzinfo=None))
    monkeypatch.setattr(gcp, "found_credentials", lambda: found)
    assert gcp.token() == Token("ya29", NOW)


def test_nobody_on_google_cloud_is_a_named_error(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ProjectError) as error:
        gcp.token()
    assert [each.code for each in error.value.diagnostics] == ["X112"]


def test_no_way_to_google_or_azure_is_not_taken_for_no_credentials():
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
    from google.auth.exceptions import RefreshError, TransportError

    def failing(error):
        def raises(*_):
            raise error

        return types.SimpleNamespace(valid=False, refresh=raises, get_token=raises)

    cases = [
        (lambda: gcp.bearer(failing(TransportError("no way")))(), "X151"),
        (lambda: gcp.bearer(failing(RefreshError("invalid_grant")))(), "X112"),
        (lambda: azure.token(failing(ServiceRequestError("no way"))), "X151"),
        (lambda: azure.token(failing(ClientAuthenticationError("no"))), "X112"),
    ]
    for ask, code in cases:
        with pytest.raises(ProjectError) as error:
            ask()
        assert [each.code for each in error.value.diagnostics] == [code]


def test_the_verb_writes_a_file_of_its_own(workspace, monkeypatch, capsys):
    opened = workspace("aws")
    here = types.SimpleNamespace(address=lambda: Address("https://abc", PEM))
    monkeypatch.setattr("workaday.execute.clouds.account_of", lambda cloud: here)
    file = str(opened.root / "project.yaml")
    assert run(["kubeconfig", "-f", file]) == 0
    path = opened.root / ".workaday" / "default" / "kubeconfig"
    assert f"export KUBECONFIG={path}" in capsys.readouterr().out
    assert yaml.safe_load(path.read_text())["users"][0]["user"]["exec"]["command"] == sys.executable
    assert run(["kubeconfig", "-f", file, "--print"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["current-context"] == "shop"
    other = opened.root / "config"
    other.write_text(OTHER)
    assert run(["kubeconfig", "-f", file, "--write", str(other)]) == 0
    assert "config.before-workaday" in capsys.readouterr().out
    here.address = lambda: None
    assert run(["kubeconfig", "-f", file]) == 1
    assert "error[X152]: there is no cluster `shop`" in capsys.readouterr().err


def test_the_verb_is_for_clouds(workspace, capsys):
    assert run(["kubeconfig", "-f", str(workspace("local").root / "project.yaml")]) == 1
    assert "error[X152]: `local` has no cluster" in capsys.readouterr().err


def test_a_token_of_a_cloud_that_there_is_not(capsys):
    assert run(["kube-token", "ibm"]) == 1
    assert "error[X152]: `ibm` is no cloud" in capsys.readouterr().err
    assert run(["kube-token", "aws"]) == 1
    assert "--cluster NAME --region REGION" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "module"), [("gcp", gcp), ("azure", azure)])
def test_the_verb_prints_each_clouds_token(kind, module, monkeypatch, capsys):
    monkeypatch.setattr(module, "token", lambda: Token("abc", NOW))
    assert run(["kube-token", kind]) == 0
    assert json.loads(capsys.readouterr().out)["status"]["token"] == "abc"


@mock_aws
def test_eks_of_moto_is_asked_as_the_real_one_is(cloud):
    """The call's shape: moto has no access entries, but it has clusters."""
    client = boto3.client("eks", region_name="us-east-1")
    role = "arn:aws:iam::123456789012:role/x"
    client.create_cluster(name="shop", roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]})
    found = aws.account(cloud("aws")).address()
    assert found is not None
    assert found.server.startswith("https://")
