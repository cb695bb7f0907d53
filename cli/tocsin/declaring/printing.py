"""A plan as people and programs read it."""

import json

from tocsin.declaring.plan import SIGNS, Act, Difference, Plan, Step


def lines_of(plan: Plan) -> list[str]:
    """Write a plan for people: a line a step, a line a value, the sum."""
    lines = [line for step in plan.steps for line in _step(step)]
    if not plan.differs:
        return [*lines, "Nothing differs."]
    sums = (f"{plan.count(act)} to {act.value}" for act in (Act.CREATE, Act.CHANGE, Act.DELETE))
    return [*lines, f"{', '.join(sums)}."]


def json_of(plan: Plan) -> list[dict[str, object]]:
    """Write a plan for programs."""
    return [
        {
            "act": step.act.value,
            "subject": step.subject,
            "differences": [{"name": each.name, "before": each.before, "after": each.after} for each in step.differences],
        }
        for step in plan.steps
    ]


def _step(step: Step) -> list[str]:
    kept = " is not in the file and stays; --prune would delete it" if step.act is Act.KEEP else ""
    return [f"{SIGNS[step.act]} {step.subject}{kept}", *(_difference(each) for each in step.differences)]


def _difference(difference: Difference) -> str:
    before, after = (json.dumps(value, ensure_ascii=False) for value in (difference.before, difference.after))
    return f"    {difference.name}: {before} → {after}"
