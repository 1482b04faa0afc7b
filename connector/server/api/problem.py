"""What programs are told when something cannot be done: problems of RFC 9457, with what to do about it.

Whatever an endpoint raises becomes one here, so that none of them has to think of it, and no answer of the API is
anything but JSON.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.dependencies.utils import get_dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations
from starlette.responses import Response

from connector import log
from connector.config.wording import did_you_mean, join_names
from connector.desk.json_text import encode_json
from connector.errors import (
    AccessError,
    ClientError,
    ConfigError,
    ConnectorError,
    IntakeError,
    OverloadedError,
    PayloadError,
    PublisherError,
    RefusedError,
    StoreError,
    SubscriberError,
    TransformError,
    UnconfirmedError,
    UnderWayError,
    UnknownEntityError,
    UnknownNameError,
)
from connector.server.api.request import ApiRequest
from connector.server.observe.request_id import read_request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from starlette.types import Scope

    from connector.errors import Fault
    from connector.redaction import Redactor

MEDIA_TYPE: Final = "application/problem+json"
KINDS: Final = "urn:connector:problem:"
"""What the type of a problem begins with that tells more than its status."""

_BUSY_S: Final = 2
_LONGEST: Final = 2_000
_LONGEST_NAME: Final = 100
_MOST_UNKNOWN: Final = 20

_PLAIN: Final = {"extra_forbidden": "there is no such key here", "missing": "it is required, but missing"}
"""What pydantic finds by the way, in the words of the rest; by the type of the finding."""

logger = log.get_logger()


class FaultModel(BaseModel):
    """One thing that is wrong with what was sent, or with the configuration."""

    where: str = Field(
        description="What is wrong: a path of keys such as `body.filter.status[0]` or `clients.shop.base_url`; empty "
        "where it is the whole.",
        examples=["body.limit"],
    )
    message: str = Field(description="What was found, and what is accepted.")
    cure: str | None = Field(None, description="What to write in place of it, where that is known.")
    file: str | None = Field(None, description="The file it stands in, or `steps` and `record` of a try-out.")
    line: int | None = Field(None, description="From 1.")
    column: int | None = Field(None, description="From 1.")


class Problem(BaseModel):
    """Why something was not done (RFC 9457)."""

    type: str = Field(
        description="`about:blank` where the status says it all; else a name that stays the same over releases, such "
        "as `urn:connector:problem:unconfirmed`.",
        examples=["about:blank"],
    )
    title: str = Field(description="The name of the status.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong, in a sentence.", examples=['no route is called "ordres"'])
    cure: str | None = Field(None, description="What to do about it.", examples=['did you mean "orders"?'])
    faults: list[FaultModel] | None = Field(None, description="Every single thing that is wrong, with its place.")
    request_id: str | None = Field(None, description="Under which the request stands in the log.")


_MEANINGS: Final = {
    400: "What was sent cannot be read.",
    401: "Nobody is known to call: send `Authorization: Bearer cn_…`.",
    403: "The caller may not do this.",
    404: "There is nothing of that name or number.",
    408: "The request took too long to come.",
    409: "It cannot be done as things stand; the detail says why.",
    413: "What was sent is too large.",
    414: "The address is too long.",
    415: "The body is of no kind that is read here; send `application/json`.",
    421: "The service does not answer to the name the request was sent to.",
    422: "What was sent has faults; `faults` has each of them with its place.",
    429: "Too much at once; try again after the seconds that `Retry-After` tells.",
    431: "The headers are too long.",
    503: "The database cannot be used just now; try again after the seconds that `Retry-After` tells.",
}
ALWAYS: Final = (400, 401, 403, 408, 413, 414, 415, 421, 422, 429, 431, 503)
"""What any operation may answer."""


def tell_responses(*further: int) -> dict[int | str, dict[str, Any]]:
    """Return what an operation answers when it cannot be done, for the OpenAPI document.

    Args:
        further: Statuses besides those that any operation may have.
    """
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*ALWAYS, *further})
    }


def make_route(redactor: Redactor) -> type[APIRoute]:
    """Return the kind of route whose errors are problems, and whose requests are read strictly.

    Args:
        redactor: Masks secrets in what is told.
    """

    class ApiRoute(APIRoute):
        """A route of the API."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            """Return what handles a request."""
            accepted = [field.alias for field in self.dependant.query_params]

            def check_query(request: Request) -> None:
                _check_query(request, accepted)

            # the last of what is seen to, so that who may not call learns nothing else
            self.dependant.dependencies.append(get_dependant(path=self.path_format, call=check_query))
            handle = super().get_route_handler()

            async def handle_told(request: Request) -> Response:
                try:
                    return await handle(ApiRequest(request.scope, request.receive))
                except Exception as error:  # noqa: BLE001 - the outermost edge of the API
                    return answer_error(request.scope, error, redactor)

            return handle_told

    return ApiRoute


def answer_error(scope: Scope, error: Exception, redactor: Redactor) -> Response:
    """Return the problem that an error is."""
    headers: dict[str, str] = {}
    if isinstance(error, RequestValidationError):
        invalid = [_read_invalid(entry) for entry in error.errors()]
        cure = invalid[0].get("cure") if len(invalid) == 1 else None
        return answer_problem(scope, 422, _sum_up(invalid), cure=cure, faults=invalid, redactor=redactor)
    if isinstance(error, HTTPException):
        return answer_problem(scope, error.status_code, str(error.detail), headers=error.headers, redactor=redactor)
    if not isinstance(error, ConnectorError):
        logger.error(log.FAULT, path=scope["path"], exc_info=error)
        return answer_problem(
            scope, 500, "a fault of this program; its log has more under the id of the request", redactor=redactor
        )
    status, kind = _judge(error)
    faults = [describe_fault(fault) for fault in error.faults] if isinstance(error, ConfigError) else None
    if isinstance(error, AccessError):
        headers = error.headers
    elif isinstance(error, OverloadedError):
        headers = {"Retry-After": str(error.retry_after_s)}
    elif isinstance(error, StoreError):
        headers = {"Retry-After": str(_BUSY_S)}
    detail = _sum_up(faults) if faults else error.message
    return answer_problem(
        scope, status, detail, kind=kind, cure=error.cure, faults=faults, headers=headers, redactor=redactor
    )


def answer_problem(
    scope: Scope,
    status: int,
    detail: str,
    *,
    redactor: Redactor,
    kind: str = "",
    cure: str | None = None,
    faults: Iterable[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem.

    Args:
        scope: Of the request.
        status: HTTP status.
        detail: What is wrong.
        redactor: Masks secrets.
        kind: The end of its type; empty where the status says it all.
        cure: What to do about it.
        faults: Every single thing that is wrong.
        headers: Of the answer, besides.
    """
    mask = redactor.mask_text

    def tell(text: str) -> str:
        return mask(text[:_LONGEST]).encode("utf-8", "replace").decode()

    told: dict[str, Any] = {
        "type": f"{KINDS}{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": tell(detail),
    }
    if cure:
        told["cure"] = tell(cure)
    if faults is not None:
        told["faults"] = [
            {name: tell(value) if isinstance(value, str) else value for name, value in fault.items()}
            for fault in faults
        ]
    if request_id := read_request_id(scope):
        told["request_id"] = request_id
    return Response(encode_json(told), status, {**(headers or {}), "Content-Type": MEDIA_TYPE})


def describe_fault(fault: Fault) -> dict[str, Any]:
    """Return a fault of a configuration, or of what was typed in place of one."""
    return {
        "where": fault.where,
        "message": fault.message,
        "cure": fault.hint,
        "file": fault.file or None,
        "line": fault.line or None,
        "column": fault.column or None,
    }


def _check_query(request: Request, accepted: list[str]) -> None:
    """Check that every parameter in the address has a meaning.

    Raises:
        RequestValidationError: One has none; all of those are told.
    """
    unknown = [name for name in request.query_params if name not in accepted]
    if not unknown:
        return
    known = f"accepted: {join_names(accepted)}" if accepted else "this address takes none"
    raise RequestValidationError(
        [
            {
                "type": "unknown_parameter",
                "loc": ("query", name[:_LONGEST_NAME]),
                "msg": f"there is no such parameter; {known}",
                "ctx": {"cure": did_you_mean(name[:_LONGEST_NAME], accepted)},
            }
            for name in unknown[:_MOST_UNKNOWN]
        ]
    )


def _judge(error: ConnectorError) -> tuple[int, str]:
    """Return status and kind of an error."""
    match error:
        case AccessError() | IntakeError():
            return error.status, ""
        case UnknownNameError() | UnknownEntityError():
            return 404, ""
        case ConfigError():
            return 422, "faults"
        case PayloadError() | TransformError():
            return 422, ""
        case UnconfirmedError():
            return 409, "unconfirmed"
        case RefusedError():
            return 409, "refused"
        case UnderWayError():
            return 409, "under-way"
        case OverloadedError():
            return (503 if error.is_closing else 429), ""
        case StoreError():
            return 503, "store"
        case ClientError() | SubscriberError() | PublisherError():
            return 409, "remote"
        case _:
            return 409, ""


def _read_invalid(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return one finding of pydantic's, without what was sent: that may be anything."""
    where = ""
    for key in entry.get("loc", ()):
        where += f"[{key}]" if isinstance(key, int) else f".{key}" if where else str(key)
    told = _PLAIN.get(str(entry.get("type")), entry.get("msg", "it cannot be used"))
    message = str(told).removeprefix("Value error, ")
    found = {"where": where, "message": message[:1].lower() + message[1:]}
    cure = (entry.get("ctx") or {}).get("cure")
    return {**found, "cure": cure} if cure else found


def _sum_up(faults: list[dict[str, Any]]) -> str:
    if len(faults) > 1:
        return f"{len(faults)} faults were found"
    return ": ".join(filter(None, (faults[0]["where"], faults[0]["message"]))) if faults else "it cannot be used"
