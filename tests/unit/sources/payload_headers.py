"""The headers that ORIGIN.md of a source tells a test to send with a sample, as far as the source keeps them."""

from collections.abc import Callable, Mapping

_GITHUB_EVENTS = (
    *("workflow_run", "workflow_job", "check_suite", "check_run", "deployment_status", "dependabot_alert"),
    *("code_scanning_alert", "secret_scanning_alert", "status", "ping", "push"),
)
_GITLAB_HOOKS = {
    "pipeline": "Pipeline",
    "job": "Job",
    "deployment": "Deployment",
    "vulnerability": "Vulnerability",
    "push": "Push",
}


def _github(name: str) -> Mapping[str, str]:
    event = next(event for event in _GITHUB_EVENTS if name.startswith(event))
    return {"x-github-event": event, "x-github-delivery": f"72d3162e-cc78-11e3-81ab-4c9367dc{len(name):04x}"}


def _gitlab(name: str) -> Mapping[str, str]:
    hook = _GITLAB_HOOKS.get(name.partition("_")[0], "Issue")
    return {"x-gitlab-event": f"{hook} Hook", "idempotency-key": f"f5e57f2e-1b2c-4a3d-9e8f-0123456789{len(name):02x}"}


def _cloudwatch_sns(name: str) -> Mapping[str, str]:
    kinds = {"subscription_confirmation": "SubscriptionConfirmation", "unsubscribe_confirmation": "UnsubscribeConfirmation"}
    headers = {
        "x-amz-sns-message-type": kinds.get(name, "Notification"),
        "x-amz-sns-message-id": f"836fe1ec-79e0-56b8-827f-b66569e370{len(name):02x}",
        "x-amz-sns-topic-arn": "arn:aws:sns:eu-west-1:123456789012:incidents",
    }
    return headers | ({"x-amz-sns-rawdelivery": "true"} if name.startswith("raw_delivery") else {})


def _standard_webhooks(name: str) -> Mapping[str, str]:
    return {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek"} if name.startswith("standard") else {}


HEADERS: Mapping[str, Callable[[str], Mapping[str, str]]] = {
    "github": _github,
    "gitlab": _gitlab,
    "cloudwatch_sns": _cloudwatch_sns,
    "generic": _standard_webhooks,
}
CONTENT_TYPES: Mapping[str, str] = {"cloudwatch_sns": "text/plain; charset=UTF-8"}
"""Where it is not `application/json`."""
