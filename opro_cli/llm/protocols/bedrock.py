"""``bedrock:MODEL``: models on Amazon Bedrock, through its Converse API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Model, ModelRequest
from opro_cli.llm.protocols.checks import check_effort, check_installed
from opro_cli.llm.provider import Env, Listed, ModelChoice, Pool, Provider, hosted_choice, sendable
from opro_cli.llm.trust import Server, check_key, remember, server_of

if TYPE_CHECKING:
    from opro_cli.llm.protocols.model import Connection

TOKEN = "AWS_BEARER_TOKEN_BEDROCK"  # noqa: S105 (the name of a variable)
PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SESSION = "AWS_SESSION_TOKEN"
URL = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

ELSEWHERE = (
    *("AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that say where else boto3 finds credentials."""

KEYS = f"the AWS credentials ({TOKEN}, or {PAIR[0]} and {PAIR[1]}, or a profile)"


class BedrockProvider(Provider):
    """Models on Amazon Bedrock."""

    names = ("bedrock:",)
    help = "bedrock:…"
    keys = (TOKEN, *PAIR, SESSION)
    packages = ("pydantic-ai-slim", "boto3")

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        check_installed(request, "pydantic_ai", "boto3")
        check_effort(request)
        used = _credentials(env)
        if not used and not _elsewhere(env):
            raise ModelUnavailable(
                f"{request.name} needs AWS credentials, and there are none.",
                f"put {TOKEN}=… into .env, or run `aws configure`",
            )
        region = _region(env)
        server = _server(request, env)
        if used:
            for name in used:
                check_key(server, env, name)
        else:
            check_key(server, env, "", "of AWS")
        return hosted_choice(request, server.words, server.url or own(region))

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.protocols.model import ProtocolModel

        env, limits = pool.env, pool.limits
        server, region = _server(choice.request, env), _region(env)
        remember(server, env)
        connection = pool.client(
            "bedrock",
            server.url,
            lambda: connect(
                server.url or None,
                region,
                _credentials(env),
                limits.timeout,
                limits.concurrency,
                env.get("AWS_PROFILE", "").strip(),
            ),
        )
        return pool.hosted(ProtocolModel(connection, choice.request, choice.details), choice)

    @override
    def listed(self, env: Env) -> list[Listed]:
        here = any(env.get(name, "").strip() for name in (TOKEN, PAIR[0], ELSEWHERE[0]))
        return [Listed("bedrock:", "Amazon Bedrock", "", f"{TOKEN} or {PAIR[0]}", here)]


PROVIDER = BedrockProvider()


def own(region: str) -> str:
    """Amazon's own server in a region."""
    return f"https://bedrock-runtime.{region}.amazonaws.com"


def _credentials(env: Env) -> dict[str, str]:
    """The variables that hold the credentials: a token, or a pair; none where they are elsewhere.

    Raises ModelUnavailable for one that cannot be sent.
    """
    found = {name: sendable(env.get(name, "").strip(), name) for name in (TOKEN, *PAIR, SESSION)}
    if found[TOKEN]:
        return {TOKEN: found[TOKEN]}
    if not all(found[name] for name in PAIR):
        return {}
    return {name: found[name] for name in (*PAIR, SESSION) if found[name]}


def _elsewhere(env: Env) -> bool:
    """Whether boto3 finds credentials without asking a server first."""
    files = (
        Path(env.get("HOME", "~")).expanduser() / ".aws" / n for n in ("credentials", "config")
    )
    return any(env.get(name) for name in ELSEWHERE) or any(file.is_file() for file in files)


def _region(env: Env) -> str:
    """The region. Raises ModelUnavailable."""
    import botocore.session
    from botocore.utils import validate_region_name

    named = next((env[name].strip() for name in REGIONS if env.get(name, "").strip()), "")
    try:
        region = named or botocore.session.get_session().get_config_variable("region")
        if not region:
            raise ModelUnavailable("Amazon Bedrock needs a region.", "set AWS_REGION=us-east-1")
        validate_region_name(region)
    except ModelUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 (botocore reads the user's files here)
        raise ModelUnavailable(
            f"The AWS configuration cannot be used: {str(error).rstrip('.')}.",
            "check AWS_REGION and AWS_PROFILE",
        ) from None
    return str(region)


def _server(request: ModelRequest, env: Env) -> Server:
    """The server. Raises UsageError for an address that is none."""
    server = server_of(request, env, URL)
    if server.url:
        from opro_cli.llm.network import checked_address

        checked_address(server.url, server.source)
    return server


def connect(
    url: str | None,
    region: str,
    credentials: dict[str, str],
    timeout: float,
    connections: int,
    profile: str = "",
) -> Connection:
    """The connection to Amazon Bedrock. Raises ModelUnavailable.

    Args:
        url: another server than Amazon's own in the region.
        region: for the signature, too.
        credentials: by the names of their variables; empty to let boto3 find them.
        timeout: of a call, in seconds.
        connections: kept open at most.
        profile: of the user's AWS configuration, where there are no credentials.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.tokens import FrozenAuthToken
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider as Inner

    from opro_cli.llm.protocols.answer import keep_aws
    from opro_cli.llm.protocols.model import Connection
    from opro_cli.llm.protocols.reading import from_bedrock

    token = credentials.get(TOKEN)
    config = Config(
        region_name=region,
        read_timeout=timeout,
        connect_timeout=min(timeout, 60),
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        signature_version="bearer" if token else None,
    )
    try:
        session = boto3.Session(
            aws_access_key_id=credentials.get(PAIR[0]),
            aws_secret_access_key=credentials.get(PAIR[1]),
            aws_session_token=credentials.get(SESSION),
            profile_name=profile if profile and not credentials else None,
        )
        if token:
            inner = session._session
            inner.get_auth_token = lambda **_: FrozenAuthToken(token)
        client = session.client("bedrock-runtime", config=config, endpoint_url=url)
    except (BotoCoreError, ValueError) as error:
        raise ModelUnavailable(
            f"Amazon Bedrock cannot be used: {str(error).rstrip('.')}.", f"check {KEYS}"
        ) from None
    client.meta.events.register("before-parse.bedrock-runtime.*", keep_aws)
    provider = Inner(bedrock_client=client)
    return Connection(
        make=lambda name: BedrockConverseModel(name, provider=provider),
        read=from_bedrock,
        stop=client.close,
        timeout=timeout,
        key=KEYS,
        extra="bedrock_additional_model_requests_fields",
    )
