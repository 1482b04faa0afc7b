"""The effective configuration of a project, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.config.origin import effective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connector.alert.plan import AlertPlan
    from connector.app.project import ClientPlan, IncomingPlan, OutgoingPlan, Project, RoutePlan
    from connector.config.origin import Setting


def list_settings(project: Project) -> list[Setting]:
    """Return every value that holds, built-in defaults included, in the order of kinds, names and fields."""
    plans: dict[str, Mapping[str, ClientPlan | IncomingPlan | OutgoingPlan | RoutePlan | AlertPlan]] = {
        "clients": project.clients,
        "incoming": project.incoming,
        "outgoing": project.outgoing,
        "routes": project.routes,
        "alerts": project.alerts,
    }
    return [
        setting
        for kind, named in plans.items()
        for name, plan in named.items()
        for setting in effective(plan.options, project.document.place(kind, name))
    ]
