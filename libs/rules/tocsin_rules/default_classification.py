r"""The default classification set (C7): behind a tenant's own rules, unless `default_classification: false`.

An alert's name says what it is about with the fewest words beside it, then its title, then where it comes from. Within
each the order is that of `_WORDS`: what is particular comes before what is general (a failed backup is about data).
"""

from tocsin_rules.category import Category
from tocsin_rules.document import RESERVED, ClassificationRule
from tocsin_rules.index import MatcherIndex
from tocsin_rules.matcher import parse_matchers
from tocsin_rules.memory import Memory

_ERROR_TRACKERS = "sentry|rollbar|bugsnag"
_UPTIME_CHECKS = "checkly|cronitor|healthchecks|pingdom|site24x7|statuscake|uptimekuma|uptimerobot"

# Of names, which run words together: `down` is no part of Downstream or Download, `oom` none of TooMany.
_WORDS: tuple[tuple[Category, str, str], ...] = (
    (
        Category.SECURITY,
        (
            "(?i).*(vulnerab|cve_?[0-9]|unauthori[sz]ed|brute_?force|intrusion|malware|certificate|certexpir|tlsexpir|sslexpir"
            "|secretleak|ddos|failedlogin).*"
        ),
        (
            r"(?i).*\b(vulnerab\w+|cve-[0-9]+|ghsa-\w+|unauthori[sz]ed|brute[ -]?force|intrusion|malware|ransomware|phishing"
            r"|suspicious|exploit\w*|secret (found|leak\w*|exposed)|credentials? (leak\w*|exposed|found)|\w+ injection"
            r"|denial of service|ddos|certificates?|(tls|ssl) (cert|expir)\w*|privilege escalation|failed logins?|guardduty)\b.*"
        ),
    ),
    (
        Category.DEPLOY,
        "(?i).*(rollout|rollback|deploy(ment)?_?(failed|failing|stuck)|argocd|helmrelease|buildfail|pipelinefail).*",
        (
            r"(?i).*\b((deploy|deployment( to .*)?|deploys|rollout|release|pipeline|build|workflow) "
            r"(has )?(failed|failing|succeeded|passed|timed out|is stuck|stuck|cancelled)|rollback|rolled back)\b.*"
        ),
    ),
    (
        Category.DATA,
        "(?i).*(backup|replication|replicalag|corrupt|dataloss|datafreshness|deadlock|snapshotfail|etl_?fail|dagfail).*",
        (
            r"(?i).*\b(backups?|replication|replica (lag|delay)\w*|corrupt\w*|data (loss|quality|freshness|drift)|deadlocks?"
            r"|stale data|checksum|restore (failed|failing)|etl|airflow|snapshots? fail\w*|data pipeline)\b.*"
        ),
    ),
    (
        Category.LATENCY,
        "(?i).*(latency|slow|responsetime|apdex|p9[059]).*",
        r"(?i).*\b(latency|latencies|slow|slower|slowness|response times?|apdex|p(50|75|90|95|99)|took too long)\b.*",
    ),
    (
        Category.CAPACITY,
        (
            "(?i).*(cpu|memory|(?-i:OOM|Oom|(^|[^a-zA-Z])oom)|disk|filesystem|inode|storage|swap|saturat|exhaust|quota|throttl|queue|backlog|consumerlag"
            "|utili[sz]ation|overcommit|fillingup|toomanyconnections).*"
        ),
        (
            r"(?i).*\b(cpu|memory|oom\w*|out of memory|disks?|inodes?|file ?systems?|storage|swap|load average|saturat\w+"
            r"|exhaust\w+|quotas?|throttl\w+|rate limit\w*|queues?|backlog|consumer lag|nearly full|is full|disk full|filling up"
            r"|utili[sz]ation|capacity|too many (open files|connections))\b.*"
        ),
    ),
    (
        Category.ERRORS,
        "(?i).*(5xx|4xx|http5|errorbudget|errorrate|errorsrate|budgetburn).*",
        (
            r"(?i).*\b(5xx|4xx|\w*error[ _]?(rate|budget)"
            r"|(answers|returns|returned|responded with|status|code|http)( code)? 5[0-9][0-9]"
            r"|5[0-9][0-9] (errors?|responses?))\b.*"
        ),
    ),
    (
        Category.AVAILABILITY,
        (
            "(?i).*((?-i:([Dd]own|DOWN)([^a-z]|$)|[Dd]owntime)|notready|notrunning|unreachable|unavailable|unhealthy|offline|outage|restart|crashloop"
            "|absent|missing|evicted|[_-]dead|replicasmismatch|probefail|healthcheck|noleader|quorum).*"
        ),
        (
            r"(?i).*\b(down|downtime|offline|outage|unreachable|unavailable|not (ready|running|responding|reachable|available)"
            r"|(does|did) not respond|restart(s|ed|ing)?|rebooted|crash\w*|unhealthy|health ?checks?|no data|heartbeats?"
            r"|connection refused|evicted|disconnected|lost contact|failover)\b.*"
        ),
    ),
    (
        Category.ERRORS,
        "(?i).*(error|exception|fail|panic|timeout).*",
        (
            r"(?i).*\b(\w*errors?|\w*exceptions?|fail|fails|failed|failing|failures?|panic\w*|traceback|fatal|unhandled|aborted"
            r"|time-?outs?|timed out)\b.*"
        ),
    ),
)


def _rules() -> tuple[ClassificationRule, ...]:
    by_label = (
        _rule("security-kind", Category.SECURITY, 'source="github",kind=~"code_scanning|dependabot|secret_scanning"'),
        _rule("security-report", Category.SECURITY, 'source="gitlab",report_type!=""'),
        _rule("deploy-github", Category.DEPLOY, 'source="github"'),
        _rule("deploy-gitlab", Category.DEPLOY, 'source="gitlab",ref!=""'),
    )
    by_name = tuple(
        _rule(f"{category}-name-{number}", category, f'alertname=~"{_quoted(name)}",alertname!~"Datasource(Error|NoData)"')
        for number, (category, name, _) in enumerate(_WORDS, 1)
    )
    by_title = tuple(
        _rule(f"{category}-title-{number}", category, f'title=~"{_quoted(title)}"')
        for number, (category, _, title) in enumerate(_WORDS, 1)
    )
    by_origin = (
        _rule(
            "capacity-metric", Category.CAPACITY, 'metric_name=~"(?i).*(cpu|memory|disk|storage|bucketsize|ageofoldest|queue).*"'
        ),
        _rule("errors-metric", Category.ERRORS, 'metric_name=~"(?i).*(error|5xx|4xx|fault).*"'),
        _rule("latency-metric", Category.LATENCY, 'metric_name=~"(?i).*(latency|duration|responsetime).*"'),
        _rule("errors-source", Category.ERRORS, f'source=~"{_ERROR_TRACKERS}"'),
        _rule("availability-source", Category.AVAILABILITY, f'source=~"{_UPTIME_CHECKS}"'),
    )
    return (*by_label, *by_name, *by_title, *by_origin)


def _rule(name: str, category: Category, matchers: str) -> ClassificationRule:
    return ClassificationRule(name=RESERVED + name, matchers=parse_matchers(matchers), category=category)


def _quoted(pattern: str) -> str:
    return pattern.replace("\\", "\\\\")


DEFAULT_CLASSIFICATION = _rules()
"""Each names a category, and none a team."""
DEFAULT_INDEX = MatcherIndex([rule.matchers for rule in DEFAULT_CLASSIFICATION], Memory())
"""Of all tenants that have it behind their own rules."""
