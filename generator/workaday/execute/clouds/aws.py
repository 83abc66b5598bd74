"""An AWS account, by boto3."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from workaday.blueprint.cloud import Cloud
from workaday.catalog import Instance
from workaday.execute.clouds import CONNECT_SECONDS, READ_SECONDS, Address, Offer, Quota, Token, Who
from workaday.execute.clouds.aws_rights import CONTEXT, rights
from workaday.execute.failures import LOGINS
from workaday.execute.sdks import sdk
from workaday.project.diagnostics import mistake

Client = Callable[[str], Any]  # (service) → a boto3 client
TOKEN_PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
URL_SECONDS = 60
# EKS takes a token for a quarter of an hour after it was signed, whatever the URL says; a minute is for clocks.
TOKEN_LIFE = timedelta(minutes=14)
DENIED = ("AccessDenied", "UnauthorizedOperation", "Forbidden", "403", "AuthFailure", "OptInRequired")
UNKNOWN = ("Expired", "InvalidClientToken", "UnrecognizedClient", "RequestExpired", "SignatureDoesNotMatch")


class Aws:
    """The account of a cluster on EKS.

    Args:
        cloud: the cluster.
        client: gives a boto3 client by its service.
    """

    def __init__(self, cloud: Cloud, client: Client) -> None:
        self.cloud = cloud
        self.client = client

    def who(self) -> Who:
        """Return whose credentials these are; their end is known only of a session in environment variables."""
        with asked():
            found = self.client("sts").get_caller_identity()
        return Who(found["Arn"], found["Account"], expiry(os.environ))

    def missing(self) -> Sequence[str]:
        """Ask IAM's simulator about each action on the resources that it is for; the root user may do all."""
        with asked():
            arn = self._principal(self.client("sts").get_caller_identity()["Arn"])
            if arn.endswith(":root"):
                return ()
            pages = self.client("iam").get_paginator("simulate_principal_policy")
            return tuple(
                result["EvalActionName"]
                for resource, actions in rights(self.cloud)
                for page in pages.paginate(
                    PolicySourceArn=arn,
                    ActionNames=list(actions),
                    ResourceArns=[resource],
                    ContextEntries=context(self.cloud.region),
                )
                for result in page["EvaluationResults"]
                if result["EvalDecision"] != "allowed"
            )

    def _principal(self, arn: str) -> str:
        """Return the role of a session: only IAM knows the path in its name; where it does not tell, there is none."""
        from botocore.exceptions import ClientError

        if ":assumed-role/" not in arn:
            return arn
        name = arn.split("/")[1]
        try:
            found: str = self.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        except ClientError:
            return f"{arn.partition(':sts:')[0]}:iam::{arn.split(':')[4]}:role/{name}"
        return found

    def offers(self, types: Sequence[Instance]) -> Mapping[str, Offer]:
        """Return where each of some types is offered in the region."""
        zones: dict[str, set[str]] = {}
        with asked():
            pages = (
                self.client("ec2")
                .get_paginator("describe_instance_type_offerings")
                .paginate(
                    LocationType="availability-zone",
                    Filters=[{"Name": "instance-type", "Values": [each.machine for each in types]}],
                )
            )
            for page in pages:
                for each in page["InstanceTypeOfferings"]:
                    zones.setdefault(each["InstanceType"], set()).add(each["Location"])
        return {each.name: Offer(frozenset(zones[each.machine])) for each in types if each.machine in zones}

    def quotas(self) -> Mapping[str, Quota]:
        """Return EC2's limits on vCPUs by their class: `g/spot`, `standard/ondemand`."""
        found: dict[str, Quota] = {}
        with asked():
            pages = self.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="ec2")
            for page in pages:
                for each in page["Quotas"]:
                    key = each.get("UsageMetric", {}).get("MetricDimensions", {}).get("Class", "").lower()
                    if key.endswith(("/ondemand", "/spot")):
                        found[key] = Quota(each["QuotaCode"], each["QuotaName"], each["Value"])
        return found

    def state_store(self) -> bool:
        """Return whether the state's bucket is there, and this account's."""
        from botocore.exceptions import ClientError

        with asked():
            try:
                self.client("s3").head_bucket(Bucket=self.cloud.state.bucket, ExpectedBucketOwner=self.cloud.account)
            except ClientError as error:
                if error.response["Error"]["Code"] in ("404", "NoSuchBucket", "NotFound"):
                    return False
                raise
        return True

    def address(self) -> Address | None:
        """Return how the cluster's API is reached; while it is being made there is none."""
        client = self.client("eks")
        with asked():
            try:
                found = client.describe_cluster(name=self.cloud.name)["cluster"]
            except client.exceptions.ResourceNotFoundException:
                return None
        if not found.get("endpoint"):
            return None
        return Address(found["endpoint"], found["certificateAuthority"]["data"])


def account(cloud: Cloud) -> Aws:
    """Return the account of a cluster."""
    return Aws(cloud, client_of(cloud.region))


def client_of(region: str) -> Client:
    """Return what gives a region's clients: with time limits, and few tries.

    Raises:
        ProjectError: X130 without boto3, X112 where the profile is not there.
    """
    boto3 = sdk("boto3", "AWS is asked")
    from botocore.config import Config

    with asked():
        session = boto3.Session(region_name=region)
    limits = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=16,
    )
    return lambda service: session.client(service, config=limits)


@contextmanager
def asked() -> Iterator[None]:
    """Turn what boto3 raises into a ProjectError: X112, X150 or X151."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        SSOError,
        TokenRetrievalError,
    )
    from botocore.parsers import ResponseParserError

    nobody = (
        CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, ProfileNotFound, SSOError,
        TokenRetrievalError,
    )  # fmt: skip

    try:
        yield
    except nobody as error:
        raise mistake("X112", f"no credentials for the cloud: {error}", LOGINS["aws"]) from None
    except ClientError as error:
        code, said = error.response["Error"]["Code"], oneline(error.response["Error"].get("Message", ""))
        what = f"AWS refuses {error.operation_name}: {code}: {said}".rstrip(": ")
        if code.startswith(UNKNOWN):
            raise mistake("X112", f"AWS does not take the credentials: {code}: {said}", LOGINS["aws"]) from None
        if code.startswith(DENIED):
            raise mistake("X150", what) from None
        raise mistake("X151", what, "try again later") from None
    except RuntimeError as error:  # botocore's word for a session that has ended and cannot be renewed
        if "expired" not in str(error):
            raise
        raise mistake("X112", "the session has ended", LOGINS["aws"]) from None
    except ResponseParserError as error:
        raise mistake("X151", f"AWS answers in no way of its own: {oneline(str(error))}", "a proxy?") from None
    except BotoCoreError as error:
        raise mistake("X151", f"cannot ask AWS: {error}", "is there a way out to the internet?") from None


def oneline(said: str) -> str:
    """Return what an answer says on one line of bearable length."""
    return " ".join(said.split())[:300]


def expiry(environment: Mapping[str, str]) -> datetime | None:
    """Return when the session in environment variables ends, where they say so."""
    try:
        found = datetime.fromisoformat(environment.get("AWS_CREDENTIAL_EXPIRATION", ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def context(region: str) -> list[dict[str, Any]]:
    """Return what the simulator is told of the request, as the policies' conditions ask for it."""
    values = {"aws:RequestedRegion": region, **CONTEXT}
    return [
        {"ContextKeyName": key, "ContextKeyValues": [each], "ContextKeyType": "string"} for key, each in values.items()
    ]


def token(cluster: str, region: str, now: datetime | None = None) -> Token:
    """Return a token for EKS: a signed question to STS, who am I, that only the cluster of this name may use.

    Raises:
        ProjectError: X130, X112.
    """
    from botocore.signers import RequestSigner

    boto3 = sdk("boto3", "AWS is asked")
    with asked():
        session = boto3.Session(region_name=region)
        client = session.client("sts", region_name=region)
        credentials = session.get_credentials()
        if credentials is None:
            raise mistake("X112", "no credentials for the cloud: AWS' SDK finds none", LOGINS["aws"])
        signer = RequestSigner(
            client.meta.service_model.service_id, region, "sts", "v4", credentials, session.events
        )  # fmt: skip
        url = signer.generate_presigned_url(
            {
                "method": "GET",
                "url": f"{sts_url(region)}/?Action=GetCallerIdentity&Version=2011-06-15",
                "body": {},
                "headers": {CLUSTER_HEADER: cluster},
                "context": {},
            },
            region_name=region,
            expires_in=URL_SECONDS,
            operation_name="",
        )
    text = TOKEN_PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return Token(text, (now or datetime.now(UTC)) + TOKEN_LIFE)


def sts_url(region: str) -> str:
    """Return the region's own STS: a token that is signed for the global one is for us-east-1 only."""
    return f"https://sts.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
