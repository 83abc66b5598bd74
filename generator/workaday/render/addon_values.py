"""Render the values of each add-on's chart, of what the project says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workaday.blueprint.addons import AddOns
from workaday.blueprint.cloud import POOL_LABEL
from workaday.blueprint.images import full_name
from workaday.blueprint.model import Blueprint
from workaday.blueprint.node_groups import GPU_TAINT
from workaday.blueprint.serving import GATEWAY
from workaday.catalog.addons import Pin

# Azure keeps models off the nodes of controllers by it.
TOLERATIONS = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
EVERYWHERE = [{"operator": "Exists"}]  # what works on every node, or on every GPU node

Values = dict[str, Any]

CERTIFICATES_OF_GATEWAYS = {
    "apiVersion": "controller.config.cert-manager.io/v1alpha1",
    "kind": "ControllerConfiguration",
    "enableGatewayAPI": True,
}


def values(blueprint: Blueprint, pin: Pin) -> Values:
    """Return the values of an add-on's chart."""
    make = VALUES.get(pin.name)
    return make(blueprint, pin) if make else {}


def split(blueprint: Blueprint, image: str) -> tuple[str, str]:
    """Return an image's registry, mirrored if there is a mirror, and its repository without tag."""
    registry, _, rest = full_name(image).partition("/")
    repository = rest.partition("@")[0].rpartition(":")[0] or rest
    return f"{blueprint.mirror}/{registry}" if blueprint.mirror else registry, repository


def at(blueprint: Blueprint, image: str) -> str:
    """Return where an image is pulled from, without its tag."""
    return "/".join(split(blueprint, image))


def pulled(blueprint: Blueprint, image: str) -> str:
    """Return where an image is pulled from, with its tag."""
    return f"{blueprint.mirror}/{full_name(image)}" if blueprint.mirror else image


def pull_secrets(blueprint: Blueprint) -> list[Values]:
    """Return the Secret that opens the mirror, as pods name it."""
    name = next((each.container.pull_secret for each in blueprint.serving), None)
    return [{"name": name}] if name and blueprint.mirror else []


def sized(cpu: str, memory: str, limit: str) -> Values:
    """Return what a controller asks for; CPU has no limit, which would only make it late."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}


def without_limit(resources: Values) -> Values:
    """Return resources that take a chart's own limit of CPU away."""
    return resources | {"limits": {**resources["limits"], "cpu": None}}


def cert_manager(blueprint: Blueprint, pin: Pin) -> Values:
    """cert-manager: three small controllers; its definitions outlive its release, as they hold certificates."""
    registry, repository = split(blueprint, pin.images[0])
    return {
        "crds": {"enabled": True, "keep": True},
        "imageRegistry": registry,
        "imageNamespace": repository.rpartition("/")[0],
        "global": {"imagePullSecrets": pull_secrets(blueprint)},
        "resources": sized("10m", "64Mi", "256Mi"),
        "tolerations": TOLERATIONS,
        "webhook": {"resources": sized("10m", "32Mi", "128Mi"), "tolerations": TOLERATIONS},
        "cainjector": {"resources": sized("10m", "128Mi", "512Mi"), "tolerations": TOLERATIONS},
        "startupapicheck": {"enabled": False},  # what is installed next is waited for by us
        "prometheus": {"enabled": True, "servicemonitor": {"enabled": False}},
        # a Gateway's annotation asks for its certificate, and the answer to the signer is a route
        **({"config": CERTIFICATES_OF_GATEWAYS} if blueprint.gateway else {}),
    }


def prometheus(blueprint: Blueprint, pin: Pin) -> Values:
    """Prometheus of every namespace; no scrape of a control plane, which a cloud does not show."""
    addons = blueprint.addons or AddOns()
    off = {"enabled": False}
    registry = {"image": {"registry": split(blueprint, pin.images[0])[0]}}
    return {
        "fullnameOverride": "prometheus",
        "crds": {"enabled": True},
        "global": {"imagePullSecrets": pull_secrets(blueprint)},
        "kubeEtcd": off,
        "kubeScheduler": off,
        "kubeControllerManager": off,
        "kubeProxy": off,
        "defaultRules": {"create": False},  # alerts are on what is promised: docs/observability.md
        "grafana": {"enabled": addons.dashboards, "sidecar": {"dashboards": {"searchNamespace": "ALL"}}},
        "prometheusOperator": {
            **registry,
            "admissionWebhooks": off,
            "tls": off,
            "tolerations": TOLERATIONS,
            "resources": sized("20m", "64Mi", "256Mi"),
            "prometheusConfigReloader": registry,
        },
        "prometheus": {
            "prometheusSpec": {
                **registry,
                "retention": f"{addons.retention_days:g}d",
                "tolerations": TOLERATIONS,
                "resources": sized("200m", "1Gi", "4Gi"),
                "storageSpec": {
                    "volumeClaimTemplate": {
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}}
                    }
                },
                # what models and gateways bring is in namespaces of their own, and not of this release
                "podMonitorSelectorNilUsesHelmValues": False,
                "serviceMonitorSelectorNilUsesHelmValues": False,
                "ruleSelectorNilUsesHelmValues": False,
            }
        },
        "alertmanager": {
            "alertmanagerSpec": {**registry, "tolerations": TOLERATIONS, "resources": sized("10m", "32Mi", "128Mi")}
        },
        "kube-state-metrics": {
            "image": {"registry": split(blueprint, "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2")[0]},
            "tolerations": TOLERATIONS,
            "metricLabelsAllowlist": [
                "nodes=[workaday.dev/pool,workaday.dev/capacity,node.kubernetes.io/instance-type]",
                "pods=[serving.kserve.io/inferenceservice]",
            ],
        },
        "prometheus-node-exporter": registry,
    }


def gateway_crds(blueprint: Blueprint, pin: Pin) -> Values:
    """The definitions of the Gateway API and of Envoy Gateway's policies."""
    return {"crds": {"gatewayAPI": {"enabled": True, "channel": "standard"}, "envoyGateway": {"enabled": True}}}


def external_dns(blueprint: Blueprint, pin: Pin) -> Values:
    """external-dns: it writes the names of our Gateway's routes, and no others, as the role that Terraform makes.

    `sync` removes a name when the Gateway is gone, but only one that this cluster wrote: a record beside it says so.
    The type in that record's name keeps it inside the zone, also where the gateway's name is the zone itself.
    """
    cloud = blueprint.cloud
    assert cloud is not None
    assert cloud.dns is not None
    name, namespace = GATEWAY
    return {
        "image": {"repository": at(blueprint, pin.images[0])},
        "imagePullSecrets": pull_secrets(blueprint),
        "provider": {"name": cloud.kind},
        "env": [{"name": "AWS_DEFAULT_REGION", "value": cloud.region}],
        "serviceAccount": {"name": pin.name},
        "sources": ["gateway-httproute"],
        "gatewayNamespace": namespace,
        "extraArgs": {"gateway-name": name, "aws-zone-type": "public"},
        "domainFilters": [cloud.dns.zone],
        "policy": "sync",
        "registry": "txt",
        "txtOwnerId": cloud.name,
        "txtPrefix": "_externaldns-%{record_type}.",
        "triggerLoopOnEvent": True,
        "resources": sized("10m", "64Mi", "256Mi"),
        "tolerations": TOLERATIONS,
    }


def envoy_gateway(blueprint: Blueprint, pin: Pin) -> Values:
    """Envoy Gateway, with the definitions of the release before it."""
    image = {"pullSecrets": pull_secrets(blueprint)}
    return {
        "crds": {"enabled": False},
        "global": {
            "images": {
                "envoyGateway": {"image": pulled(blueprint, pin.images[0]), **image},
                "ratelimit": {"image": pulled(blueprint, pin.images[1]), **image},
            }
        },
        "deployment": {
            "replicas": 1,
            "envoyGateway": {"resources": sized("50m", "128Mi", "512Mi")},
            "pod": {"tolerations": TOLERATIONS},
        },
    }


def keda(blueprint: Blueprint, pin: Pin) -> Values:
    """KEDA; its webhooks let everything pass while they are away."""
    names = ("keda", "metricsApiServer", "webhooks")
    images = dict(zip(names, (split(blueprint, each) for each in pin.images), strict=True))
    small = sized("20m", "64Mi", "512Mi")
    return {
        "image": {name: {"registry": one, "repository": other} for name, (one, other) in images.items()}
        | {"pullPolicy": "IfNotPresent"},
        "imagePullSecrets": pull_secrets(blueprint),
        "resources": {"operator": small, "metricServer": small, "webhooks": sized("10m", "32Mi", "128Mi")},
        "tolerations": TOLERATIONS,
        "prometheus": {"operator": {"enabled": True}, "metricServer": {"enabled": True}},
    }


def keda_http(blueprint: Blueprint, pin: Pin) -> Values:
    """KEDA's HTTP add-on: it holds a request for as long as a model may take to come up."""
    names = ("operator", "interceptor", "scaler")
    small = {"pullPolicy": "IfNotPresent", "imagePullSecrets": pull_secrets(blueprint), "tolerations": TOLERATIONS}
    wait = max((each.load_timeout_seconds for each in blueprint.models), default=0.0) + NODE_SECONDS
    longest = max((each.limits.timeout_seconds for each in blueprint.models), default=60.0)
    return {
        "images": {name: at(blueprint, image) for name, image in zip(names, pin.images, strict=True)},
        "operator": {**small, "resources": sized("10m", "32Mi", "128Mi")},
        "scaler": {**small, "replicas": 1, "resources": sized("10m", "32Mi", "128Mi")},
        "interceptor": {
            **small,
            "resources": sized("50m", "32Mi", "256Mi"),
            "replicas": {"min": 2, "max": 10, "waitTimeout": f"{wait:.0f}s"},
            "responseHeaderTimeout": f"{longest:.0f}s",
        },
    }


def kserve(blueprint: Blueprint, pin: Pin) -> Values:
    """KServe in Standard mode, without its own ingress: routes and their weights are the models' releases'."""
    controller, initializer, agent, router, _ = (at(blueprint, each) for each in pin.images)
    return {
        "kserve": {
            "version": pin.version,
            "agent": {"image": agent},
            "router": {"image": router},
            "storage": {"image": initializer, "resources": STORAGE},
            "controller": {
                "deploymentMode": "Standard",
                "image": controller,
                "imagePullPolicy": "IfNotPresent",
                "imagePullSecrets": pull_secrets(blueprint),
                "resources": without_limit(sized("50m", "128Mi", "512Mi")),
                "tolerations": TOLERATIONS,
                "gateway": {
                    "disableIngressCreation": True,
                    "disableIstioVirtualHost": True,
                    "ingressGateway": {"enableGatewayApi": False, "kserveGateway": f"{GATEWAY[1]}/{GATEWAY[0]}"},
                },
            },
        }
    }


def karpenter(blueprint: Blueprint, pin: Pin) -> Values:
    """Karpenter, as the Terraform module of it: its identity, its queue."""
    cloud = blueprint.cloud
    assert cloud is not None
    image = {"repository": at(blueprint, pin.images[0])} | ({"digest": ""} if blueprint.mirror else {})
    return {
        "imagePullSecrets": pull_secrets(blueprint),
        "replicas": min(2, cloud.system.nodes or 2),
        "controller": {"image": image, "resources": sized("200m", "512Mi", "1Gi")},
        "settings": {
            "clusterName": cloud.name,
            "interruptionQueue": f"{cloud.name}-karpenter",
            "isolatedVPC": cloud.network.nat == "none" and not cloud.network.existing,
        },
    }


def gpu_operator(blueprint: Blueprint, pin: Pin) -> Values:
    """NVIDIA's GPU operator, where a pool says `driver: operator`: driver, plugin and metrics on every GPU node."""
    monitor = {"serviceMonitor": {"enabled": True}}
    return {
        "daemonsets": {"tolerations": EVERYWHERE},
        "dcgmExporter": monitor,
        "operator": {"tolerations": TOLERATIONS},
    }


def on_gpu_nodes(blueprint: Blueprint) -> Values:
    """Return the affinity to nodes that have GPUs: of our pools, which carry GPUs' taint, or as others label them."""
    terms: list[Values] = [{"matchExpressions": [{"key": label, "operator": "Exists"}]} for label in GPU_LABELS]
    if cloud := blueprint.cloud:
        carried = [(each.pool, each.taints) for each in cloud.node_groups]
        carried += [(each.pool, each.taints) for each in cloud.node_pools]
        pools = dict.fromkeys(pool for pool, taints in carried if GPU_TAINT in taints)
        terms = [{"matchExpressions": [{"key": POOL_LABEL, "operator": "In", "values": list(pools)}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def device_plugin(blueprint: Blueprint, pin: Pin) -> Values:
    """NVIDIA's device plugin, on nodes whose label says that they have a GPU."""
    return {
        "image": {"repository": at(blueprint, pin.images[0])},
        "imagePullSecrets": pull_secrets(blueprint),
        "affinity": on_gpu_nodes(blueprint),
        "tolerations": EVERYWHERE,
    }


def dcgm_exporter(blueprint: Blueprint, pin: Pin) -> Values:
    """NVIDIA's exporter of what GPUs do, on the same nodes."""
    return {
        "image": {"repository": at(blueprint, pin.images[0])},
        "imagePullSecrets": pull_secrets(blueprint),
        "affinity": on_gpu_nodes(blueprint),
        "tolerations": EVERYWHERE,
        "serviceMonitor": {"enabled": True, "interval": "15s"},
    }


NODE_SECONDS = 600.0  # a new node, its driver, an image of several GB
STORAGE: Mapping[str, Any] = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "2", "memory": "2Gi"},  # it is the time to a first answer on a new node
}
# What says of a node that is not ours that it has a GPU: NVIDIA's feature discovery, or GKE.
GPU_LABELS = ("nvidia.com/gpu.present", "cloud.google.com/gke-accelerator")
VALUES: Mapping[str, Callable[[Blueprint, Pin], Values]] = {
    "cert-manager": cert_manager,
    "kube-prometheus-stack": prometheus,
    "gateway-crds": gateway_crds,
    "external-dns": external_dns,
    "envoy-gateway": envoy_gateway,
    "keda": keda,
    "keda-http": keda_http,
    "kserve": kserve,
    "karpenter": karpenter,
    "gpu-operator": gpu_operator,
    "nvidia-device-plugin": device_plugin,
    "dcgm-exporter": dcgm_exporter,
}
