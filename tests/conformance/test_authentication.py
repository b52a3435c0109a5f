"""Who may ask: wrong, missing, expired, future and re-used signatures, and what clients of the SDKs learn about themselves."""

import datetime
import http.client
import json
from urllib.parse import urlsplit

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from conftest import Server  # noqa: E402


def signed(server, key=None, secret=None, shift=datetime.timedelta(0), body=b"{}", target="SageMaker.ListTrainingJobs", service="sagemaker"):
    request = AWSRequest(
        method="POST", url=server.url + "/", data=body,
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target},
    )
    signer = SigV4Auth(Credentials(key or server.key, secret or server.secret), service, "us-east-1")
    at = datetime.datetime.now(datetime.timezone.utc) + shift
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: at.replace(tzinfo=None), raising=False)
        signer.add_auth(request)
    return dict(request.headers.items())


def post(server, headers, body=b"{}", path="/"):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_good_signature_is_good_and_may_be_used_again(server):
    headers = signed(server)
    for _ in range(2):  # AWS allows it within the quarter of an hour
        assert post(server, headers)[0] == 200


@pytest.mark.parametrize(
    "make, code",
    [
        (lambda s: signed(s, secret="x" * 40), "InvalidSignatureException"),
        (lambda s: signed(s, key="AKIAUNKNOWNUNKNOWN00"), "UnrecognizedClientException"),
        (lambda s: {"X-Amz-Target": "SageMaker.ListTrainingJobs", "Content-Type": "application/x-amz-json-1.1"}, "MissingAuthenticationTokenException"),
        (lambda s: signed(s, shift=datetime.timedelta(minutes=-16)), "InvalidSignatureException"),
        (lambda s: signed(s, shift=datetime.timedelta(minutes=16)), "InvalidSignatureException"),
        (lambda s: signed(s) | {"Authorization": "AWS4-HMAC-SHA256 Credential=nonsense"}, "IncompleteSignatureException"),
        (lambda s: signed(s, service="s3"), "InvalidSignatureException"),
        (lambda s: signed(s, body=b'{"MaxResults": 5}'), "InvalidSignatureException"),
    ],
    ids=["wrong-secret", "unknown-key", "missing", "expired", "future", "malformed", "other-service", "other-body"],
)
def test_bad_signatures_are_refused_with_awss_codes(server, make, code):
    status, text = post(server, make(server))
    assert status in (400, 403) and json.loads(text)["__type"].endswith(code), text


def test_unsigned_requests_learn_nothing(server):
    for path in ("/", "/some-bucket/some-key", "/endpoints/x/invocations", "/_sagebrush/"):
        status, _ = post(server, {}, path=path)
        # S3 takes unsigned requests, for policies to decide on, and has no such operation.
        assert status in (400, 403, 405)


def test_health_needs_no_signature_and_says_only_that_it_lives(server):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", "/_sagebrush/health")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (200, {"status": "ok"})


def test_caller_identity_and_assumed_roles(server):
    sts = server.client("sts")
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    role = server.client("iam").get_role(RoleName="SagebrushExecutionRole")["Role"]
    assert role["Arn"] == "arn:aws:iam::000000000000:role/service-role/SagebrushExecutionRole"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"] == "sagemaker.amazonaws.com"
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    temporary = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    assumed = server.client("sts", **temporary)
    assert assumed.get_caller_identity()["Arn"] == "arn:aws:sts::000000000000:assumed-role/SagebrushExecutionRole/me"
    with pytest.raises(ClientError) as tokenless:
        server.client("sagemaker", **(temporary | {"aws_session_token": None})).list_models()
    assert tokenless.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_malformed_and_oversized_bodies(server):
    deep = b'{"NameContains":' + b"[" * 5000 + b"]" * 5000 + b"}"
    for body, code in [
        (b"{not json", "SerializationException"),
        (b'{"MaxResults": "many"}', "SerializationException"),
        (deep, "SerializationException"),
        (b'"text"', "SerializationException"),
    ]:
        status, text = post(server, signed(server, body=body), body)
        assert status == 400 and json.loads(text)["__type"].endswith(code), (body[:40], text)
    huge = b'{"NameContains": "' + b"x" * (9 * 2**20) + b'"}'
    status, text = post(server, signed(server, body=huge), huge)
    assert status == 413


def test_unknown_targets_and_operations(server):
    status, text = post(server, signed(server, target="SageMaker.MakeCoffee"))
    assert status == 400 and "UnknownOperationException" in text
    status, text = post(server, signed(server, target="Nonsense.ListTrainingJobs"))
    assert status == 400 and "UnknownOperationException" in text


def test_pages_of_other_origins_are_refused(server):
    status, text = post(server, signed(server) | {"Origin": "https://evil.example"})
    assert status == 403 and "AccessDenied" in text


def test_auth_off_serves_programs_but_no_pages(tmp_path):
    open_server = Server(tmp_path / "open", "--auth", "off")
    try:
        headers = {"X-Amz-Target": "SageMaker.ListTrainingJobs", "Content-Type": "application/x-amz-json-1.1"}
        assert post(open_server, headers)[0] == 200
        assert post(open_server, headers | {"Origin": open_server.url})[0] == 403
        assert post(open_server, headers | {"Host": "rebound.example"})[0] == 403
    finally:
        open_server.stop()
