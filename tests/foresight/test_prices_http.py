"""Azure's and Google Cloud's prices, from a fake price list on this machine that answers in their shapes."""

from __future__ import annotations

import pytest

from workaday.catalog import read
from workaday.execute import prices, sdks
from workaday.execute.prices import azure, gcp, http
from workaday.project import ProjectError


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0.001)


def item(
    name: str, usd: float, sku: str = "", product: str = "Virtual Machines NCasT4 v3 Series", unit: str = "1 Hour"
):
    """As the Retail Prices API answers."""
    return {
        "armSkuName": name, "retailPrice": usd, "skuName": sku or name.removeprefix("Standard_").replace("_", " "),
        "productName": product, "unitOfMeasure": unit, "type": "Consumption", "currencyCode": "USD",
    }  # fmt: skip


T4 = "Standard_NC4as_T4_v3"


def test_azures_prices_are_linux_by_the_hour_on_demand_and_spot(price_list, monkeypatch, now):
    monkeypatch.setattr(azure, "URL", f"{price_list.url}/prices")
    price_list.on(
        "/prices",
        {
            "Items": [
                item(T4, 0.526),
                item(T4, 0.91, product="Virtual Machines NCasT4 v3 Series Windows"),
                item(T4, 0.19, "NC4as T4 v3 Spot"),
                item(T4, 0.35, "NC4as T4 v3 Spot", product="Virtual Machines NCasT4 v3 Series Windows"),
                item(T4, 0.11, "NC4as T4 v3 Low Priority"),
            ],
            "NextPageLink": f"{price_list.url}/more",
        },
    )
    price_list.on("/more", {"Items": [item("Standard_D4s_v5", 0.192)], "NextPageLink": None})
    known = read("azure").instances
    found = azure.fetch([known[T4], known["Standard_D4s_v5"]], "eastus", now)
    assert found.on_demand == {T4: 0.526, "Standard_D4s_v5": 0.192}
    assert found.spot == {T4: {"eastus": 0.19}}
    assert found.as_of == now
    path, query, headers = price_list.asked[0]
    assert path == "/prices"
    assert query["$filter"] == (
        "serviceName eq 'Virtual Machines' and armRegionName eq 'eastus' and priceType eq 'Consumption' and "
        f"(armSkuName eq '{T4}' or armSkuName eq 'Standard_D4s_v5')"
    )
    assert not any(each.lower() == "authorization" for each in headers)


def test_many_sizes_are_asked_for_a_few_at_a_time(price_list, monkeypatch, now):
    monkeypatch.setattr(azure, "URL", f"{price_list.url}/prices")
    price_list.on("/prices", {"Items": [], "NextPageLink": None})
    azure.fetch(list(read("azure").instances.values())[: azure.AT_ONCE * 2 + 1], "eastus", now)
    assert [query["$filter"].count("armSkuName") for _, query, _ in price_list.asked] == [azure.AT_ONCE] * 2 + [1]


def sku(
    description: str, usd: float, usage: str = "OnDemand", unit: str = "h", regions: tuple[str, ...] = ("us-central1",)
):
    """As the Cloud Billing catalogue answers."""
    whole = int(usd)
    rate = {
        "startUsageAmount": 0,
        "unitPrice": {"currencyCode": "USD", "units": str(whole), "nanos": round((usd - whole) * 1e9)},
    }
    return {
        "description": description, "category": {"usageType": usage}, "serviceRegions": list(regions),
        "pricingInfo": [{"pricingExpression": {"usageUnit": unit, "tieredRates": [rate]}}],
    }  # fmt: skip


PARTS = [
    sku("G2 Instance Core running in Iowa", 0.024988),
    sku("G2 Instance Ram running in Iowa", 0.002927, unit="GiBy.h"),
    sku("Nvidia L4 GPU running in Iowa", 0.560040),
    sku("Spot Preemptible G2 Instance Core running in Iowa", 0.01, "Preemptible"),
    sku("Spot Preemptible G2 Instance Ram running in Iowa", 0.001, "Preemptible", "GiBy.h"),
    sku("Nvidia L4 GPU attached to Spot Preemptible VMs running in Iowa", 0.2, "Preemptible"),
    sku("G2 Instance Core running in Belgium", 9.0, regions=("europe-west1",)),
    sku("Commitment v1: G2 Cpu in Iowa for 1 Year", 0.015, "Commit1Yr"),
    sku("G2 Custom Instance Core running in Iowa", 7.0),
    sku("A2 Instance Core running in Iowa", 0.031611),
    sku("A2 Instance Ram running in Iowa", 0.004237, unit="GiBy.h"),
    sku("Nvidia Tesla A100 80GB GPU running in Iowa", 3.92808),
    sku("SSD backed Local Storage in Iowa", 0.08, unit="GiBy.mo"),
    sku("N1 Predefined Instance Core running in Americas", 0.031611),
    sku("N1 Predefined Instance Ram running in Americas", 0.004237, unit="GiBy.h"),
    sku("Nvidia Tesla T4 GPU running in Americas", 0.35),
]


class FakeCredentials:
    def refresh(self, request: object) -> None:
        self.token = "ya29.test"

    def apply(self, headers: dict[str, str]) -> None:
        headers["authorization"] = f"Bearer {self.token}"


def test_google_clouds_prices_are_sums_of_parts(price_list, monkeypatch, now):
    monkeypatch.setattr("google.auth.default", lambda scopes: (FakeCredentials(), "shop-prod"))
    monkeypatch.setattr(gcp, "URL", f"{price_list.url}/skus")
    price_list.on("/skus", {"skus": PARTS[:5], "nextPageToken": "2"}, {"skus": PARTS[5:]})
    known = read("gcp").instances
    names = ("g2-standard-8", "a2-ultragpu-1g", "n1-standard-4+1xT4", "a3-highgpu-8g", "e2-medium")
    found = gcp.fetch([known[name] for name in names], "us-central1", now)
    assert found.on_demand == {
        "g2-standard-8": pytest.approx(8 * 0.024988 + 32 * 0.002927 + 0.560040),
        "a2-ultragpu-1g": pytest.approx(12 * 0.031611 + 170 * 0.004237 + 3.92808 + 375 * 0.08 / 730),
        "n1-standard-4+1xT4": pytest.approx(4 * 0.031611 + 15 * 0.004237 + 0.35),
    }
    assert found.spot == {"g2-standard-8": {"us-central1": pytest.approx(8 * 0.01 + 32 * 0.001 + 0.2)}}
    assert [query.get("pageToken") for _, query, _ in price_list.asked] == [None, "2"]
    sent = {key.lower(): value for key, value in price_list.asked[0][2].items()}
    assert sent["authorization"] == "Bearer ya29.test"


@pytest.mark.parametrize("name", ["g2-standard-8", "a2-ultragpu-1g", "n1-standard-4+1xT4"])
def test_the_sums_of_the_published_parts_are_the_catalogues_prices(name):
    """Two sources that know nothing of each other agree to a cent, so that the parts' names and amounts are right."""
    instance = read("gcp").instances[name]
    found = gcp.price_of(instance, gcp.priced_parts(PARTS, "us-central1"), spot=False)
    assert found == pytest.approx(instance.usd_hour, abs=0.01)


def test_without_credentials_the_way_to_get_them_is_said(monkeypatch, now):
    from google.auth.exceptions import DefaultCredentialsError

    def refuse(scopes: object) -> None:
        raise DefaultCredentialsError("none were found")

    monkeypatch.setattr("google.auth.default", refuse)
    with pytest.raises(ProjectError) as refused:
        gcp.fetch([], "us-central1", now)
    (finding,) = refused.value.diagnostics
    assert (finding.code, finding.hints) == ("X131", ("`gcloud auth application-default login`",))


def test_a_busy_price_list_is_asked_again(price_list):
    price_list.on("/a", "busy", status=503)
    price_list.on("/a", {"fine": True})
    assert http.get_json(f"{price_list.url}/a") == {"fine": True}
    assert len(price_list.asked) == 2


@pytest.mark.parametrize(
    ("status", "answer", "code", "said", "times"),
    [
        (403, {"error": {"message": "Cloud Billing API has not been used"}}, "X131", "has not been used", 1),
        (400, {"error": "bad filter"}, "X132", "400: bad filter", 1),
        (429, "slow down\nplease", "X132", "429: slow down", http.TRIES),
        (200, "<html>", "X132", "did not answer with JSON", 1),
    ],
)
def test_what_a_price_list_refuses_is_a_named_error(price_list, status, answer, code, said, times):
    price_list.on("/a", answer, status=status)
    with pytest.raises(ProjectError) as refused:
        http.get_json(f"{price_list.url}/a")
    (finding,) = refused.value.diagnostics
    assert (finding.code, said in finding.message) == (code, True)
    assert len(price_list.asked) == times


def test_a_price_list_out_of_reach_is_a_named_error(free_port):
    with pytest.raises(ProjectError) as refused:
        http.get_json(f"http://127.0.0.1:{free_port}/")
    assert [each.code for each in refused.value.diagnostics] == ["X132"]


@pytest.mark.parametrize(("module", "extra"), [("boto3", "aws"), ("google.auth", "gcp")])
def test_an_sdk_that_is_not_installed_is_a_named_error(monkeypatch, module, extra):
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(sdks, "import_module", missing)
    with pytest.raises(ProjectError) as refused:
        prices.sdk(module)
    (finding,) = refused.value.diagnostics
    assert (finding.code, finding.hints) == ("X130", (f"`pip install 'workaday[{extra}]'`",))
