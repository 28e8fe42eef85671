"""Short ways to make frequent AWS calls: the requests that botocore would send, in a third of its time.

A job takes four AWS calls in the worker, and botocore's own code takes most of their CPU time: it resolves the endpoint
by rules, serializes by the service's model, emits a dozen events, and parses the response by the model. The frequent
calls need none of this, because the address of a service does not change and our requests have few members.
Connections, credentials, errors and retries remain those of botocore. Tests compare the requests and the responses with
those of botocore.

``json_calls`` has the calls of DynamoDB and SQS, ``object_calls`` those of S3.
"""

# ruff: noqa: SLF001 - botocore has no public way to replace a call

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.endpoint import convert_to_response_dict

OK: Final = 200
#: botocore treats this status and all greater ones as errors.
FIRST_ERROR: Final = 300
#: Parameters of a call, and its parsed response.
Params = Mapping[str, Any]
Parsed = dict[str, Any]
#: Returns a signed request. It is called for each try.
Sign = Callable[[], AWSPreparedRequest]


class ShortCalls(ABC):
    """The calls of one client. Threads can share it, like the client."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - a client of any service
        """Use a client whose calls are not replaced yet."""
        self.client = client
        self._call_by_botocore: Callable[[str, Params], Any] = client._make_api_call
        self._event_id: str = client.meta.service_model.service_id.hyphenize()

    def install(self) -> None:
        """Let the client make its calls here."""
        self.client._make_api_call = self

    def __call__(self, operation: str, params: Params) -> Any:  # noqa: ANN401 - the type of the operation
        """Make a call and return its response. Raises botocore's errors."""
        sign = self.prepare(operation, params)
        if sign is None:
            return self._call_by_botocore(operation, params)
        model = self.client.meta.service_model.operation_model(operation)
        context: dict[str, Any] = {"client_config": self.client.meta.config, "s3_redirect": {"redirected": True}}
        attempts = 0
        while True:
            attempts += 1
            response, error = self._send(operation, sign())
            parsed: Parsed | None = None
            if response is not None:
                parsed = self.parse(operation, response)
                if parsed is not None:
                    break
                parsed = self._parse_by_botocore(model, response)
            answer = None if response is None else (response, parsed)
            if not self.client._endpoint._needs_retry(attempts, model, {"context": context}, answer, error):
                break
        if response is None or parsed is None:
            assert error is not None  # noqa: S101 - there is a response or an error
            raise error
        parsed.setdefault("ResponseMetadata", {})["RetryAttempts"] = attempts - 1
        self.client.meta.events.emit(
            f"after-call.{self._event_id}.{operation}",
            http_response=response,
            parsed=parsed,
            model=model,
            context=context,
        )
        if response.status_code >= FIRST_ERROR:
            raise self.client.exceptions.from_code(parsed.get("Error", {}).get("Code"))(parsed, operation)
        return parsed

    @abstractmethod
    def prepare(self, operation: str, params: Params) -> Sign | None:
        """Return how to sign the request of a call, or None if botocore must make this call."""

    @abstractmethod
    def parse(self, operation: str, response: AWSResponse) -> Parsed | None:
        """Return the content of a successful response, or None if botocore must look at it."""

    def get_auth(self) -> Any:  # noqa: ANN401 - botocore's
        """Return botocore's instance for signing, which has the current credentials."""
        signer = self.client._request_signer
        return signer.get_auth_instance(signer.signing_name, signer.region_name, signature_version="v4")

    def _send(self, operation: str, request: AWSPreparedRequest) -> tuple[AWSResponse | None, Exception | None]:
        """Send a request once, and return the response or the error."""
        try:
            event = f"before-send.{self._event_id}.{operation}"
            found = (response for _, response in self.client.meta.events.emit(event, request=request))
            response = next((each for each in found if each is not None), None)
            return response or self.client._endpoint.http_session.send(request), None
        except Exception as error:  # noqa: BLE001 - botocore decides which errors it retries
            return None, error

    def _parse_by_botocore(self, model: Any, response: AWSResponse) -> Parsed:  # noqa: ANN401 - botocore's
        endpoint = self.client._endpoint
        parser = endpoint._response_parser_factory.create_parser(model.service_model.resolved_protocol)
        raw = convert_to_response_dict(response, model)
        parsed: Parsed = parser.parse(raw, model.output_shape)
        if response.status_code >= FIRST_ERROR:
            endpoint._add_modeled_error_fields(raw, parsed, model, parser)
        return parsed
