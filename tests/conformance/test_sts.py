"""Sessions as boto3 sees them: roles and who may assume them, what narrows a session, federation, other accounts, and the
credentials that jobs find by themselves."""

import json
import os
import subprocess
import sys
import time

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.exceptions import ClientError  # noqa: E402

from conftest import COMMAND, Server, finish, image, training_job  # noqa: E402

ACCOUNT = "000000000000"
OTHER = "111122223333"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("data"), "--other-accounts", OTHER)
    yield running
    running.stop()


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def trust(principal, action="sts:AssumeRole", **more):
    return policy({"Effect": "Allow", "Principal": principal, "Action": action} | more)


def keys(credentials):
    """Credentials of an answer as arguments of a client."""
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials.get("SessionToken"),
    }


def other_root(server):
    """What `sagebrush env --account` prints, as arguments of a client."""
    command = ["node", str(COMMAND), "env", "--json", "--data-dir", str(server.data_dir), "--account", OTHER]
    variables = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert variables["AWS_ENDPOINT_URL"] == server.url
    return {
        "aws_access_key_id": variables["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": variables["AWS_SECRET_ACCESS_KEY"],
    }


def user(server, name, document=None):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    if document is not None:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    return keys(iam.create_access_key(UserName=name)["AccessKey"])


def role(server, name, trust_policy, document=None, **credentials):
    iam = server.client("iam", **credentials)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy)["Role"]["Arn"]
    if document is not None:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return arn


def refused(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response


def test_a_user_assumes_a_role_and_gets_what_the_role_may_do(server, unique):
    arn = role(server, unique, trust({"AWS": ACCOUNT}), policy(allow("s3:ListAllMyBuckets")))
    mine = user(server, unique)
    denied = refused(server.client("sts", **mine).assume_role, RoleArn=arn, RoleSessionName="me")
    assert denied["Error"]["Code"] == "AccessDenied" and denied["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert f"user/{unique} is not authorized to perform: sts:AssumeRole on resource: {arn}" in denied["Error"]["Message"]
    server.client("iam").put_user_policy(
        UserName=unique, PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole", arn))
    )
    answer = server.client("sts", **mine).assume_role(RoleArn=arn, RoleSessionName="me")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{unique}/me"
    session = keys(answer["Credentials"])
    server.client("s3", **session).list_buckets()
    assert refused(server.client("s3", **session).create_bucket, Bucket=unique)["Error"]["Code"] == "AccessDenied"
    assert refused(server.client("s3", **mine).list_buckets)["Error"]["Code"] == "AccessDenied"


def test_session_policies_tags_and_source_identity(server, unique):
    condition = {"StringEquals": {"aws:PrincipalTag/Team": "red"}}
    arn = role(
        server,
        unique,
        trust({"AWS": ACCOUNT}, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]),
        policy(allow("s3:*", Condition=condition)),
    )
    sts = server.client("sts")
    server.client("s3").create_bucket(Bucket=unique)
    tagged = sts.assume_role(
        RoleArn=arn,
        RoleSessionName="me",
        Tags=[{"Key": "Team", "Value": "red"}],
        TransitiveTagKeys=["Team"],
        SourceIdentity="alice",
        Policy=policy(allow("s3:PutObject", f"arn:aws:s3:::{unique}/mine/*")),
        DurationSeconds=900,
    )
    assert tagged["SourceIdentity"] == "alice" and 0 < tagged["PackedPolicySize"] < 100
    assert 880 < tagged["Credentials"]["Expiration"].timestamp() - time.time() <= 901
    s3 = server.client("s3", **keys(tagged["Credentials"]))
    s3.put_object(Bucket=unique, Key="mine/a", Body=b"1")
    denied = refused(s3.put_object, Bucket=unique, Key="yours/a", Body=b"1")
    assert "because no session policy allows the s3:PutObject action" in denied["Error"]["Message"]
    plain = keys(sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"])
    assert refused(server.client("s3", **plain).list_buckets)["Error"]["Code"] == "AccessDenied"
    malformed = refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", Policy='{"Statement": [')
    assert malformed["Error"]["Code"] == "MalformedPolicyDocument"


def test_session_tokens_and_federation(server, unique):
    mine = user(server, unique, policy(allow(["sts:GetFederationToken", "s3:*"])))
    sts = server.client("sts", **mine)
    own = keys(sts.get_session_token(DurationSeconds=900)["Credentials"])
    assert server.client("sts", **own).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{unique}"
    server.client("s3", **own).create_bucket(Bucket=unique)
    again = refused(server.client("sts", **own).get_session_token)
    assert again["Error"]["Message"] == "Cannot call GetSessionToken with session credentials"

    guest = sts.get_federation_token(Name="guest", Policy=policy(allow("s3:ListBucket")))
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
    assert guest["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:guest", "Arn": arn}
    s3 = server.client("s3", **keys(guest["Credentials"]))
    s3.list_objects_v2(Bucket=unique)
    denied = refused(s3.put_object, Bucket=unique, Key="a", Body=b"1")
    assert f"User: {arn} is not authorized to perform: s3:PutObject" in denied["Error"]["Message"]
    nothing = keys(sts.get_federation_token(Name="nobody")["Credentials"])
    assert refused(server.client("s3", **nothing).list_objects_v2, Bucket=unique)["Error"]["Code"] == "AccessDenied"


def test_the_sealed_reason_of_a_denial_is_opened_by_who_may(server, unique):
    mine = user(server, unique)
    denied = refused(server.client("sagemaker", **mine).list_models)
    sealed = denied["ResponseMetadata"]["HTTPHeaders"]["x-sagebrush-authorization-message"]
    message = json.loads(server.client("sts").decode_authorization_message(EncodedMessage=sealed)["DecodedMessage"])
    assert message["allowed"] is False and message["explicitDeny"] is False
    assert message["context"]["principal"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/{unique}"
    assert message["context"]["action"] == "sagemaker:ListModels"
    wrong = refused(server.client("sts").decode_authorization_message, EncodedMessage=sealed[:-4] + "AAAA")
    assert wrong["Error"]["Code"] == "InvalidAuthorizationMessageException"
    assert server.client("sts").get_access_key_info(AccessKeyId=mine["aws_access_key_id"])["Account"] == ACCOUNT


def test_accounts_see_nothing_of_each_other_but_what_a_trust_policy_opens(server, unique):
    theirs = other_root(server)
    assert server.client("sts", **theirs).get_caller_identity()["Account"] == OTHER
    server.client("s3").create_bucket(Bucket=unique)
    assert refused(server.client("s3", **theirs).list_objects_v2, Bucket=unique)["Error"]["Code"] == "AccessDenied"
    assert unique not in [bucket["Name"] for bucket in server.client("s3", **theirs).list_buckets()["Buckets"]]

    external = {"Condition": {"StringEquals": {"sts:ExternalId": "word"}}}
    arn = role(server, unique, trust({"AWS": OTHER}, **external), policy(allow("s3:ListBucket")))
    sts = server.client("sts", **theirs)
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me")["Error"]["Code"] == "AccessDenied"
    session = keys(sts.assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="word")["Credentials"])
    assert server.client("s3", **session).list_objects_v2(Bucket=unique)["KeyCount"] == 0
    own = refused(server.client("sts").assume_role, RoleArn=arn, RoleSessionName="me", ExternalId="word")
    assert own["Error"]["Code"] == "AccessDenied"


def test_the_cli_env_names_accounts_that_are_not_there(server):
    def env(account):
        command = ["node", str(COMMAND), "env", "--data-dir", str(server.data_dir), "--account", account]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"SAGEBRUSH_LANG": "en"})
        return done.returncode, done.stderr

    code, text = env("999999999999")
    assert code == 4 and "has no account 999999999999" in text
    code, text = env("../../etc")
    assert code == 2 and "must be twelve digits" in text


def training_data(server, bucket):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=bucket)
    rows = "".join(f"{row % 10},{row % 7},{row % 3}\n" for row in range(2000))
    s3.put_object(Bucket=bucket, Key="train/a.csv", Body=rows)


SAGEMAKER = {"Service": "sagemaker.amazonaws.com"}


def test_a_role_is_handed_over_only_by_whom_may_and_to_whom_it_trusts(server, unique):
    training_data(server, unique)
    good = role(server, f"{unique}-good", trust(SAGEMAKER), policy(allow("s3:*")))
    foreign = role(server, f"{unique}-lambda", trust({"Service": "lambda.amazonaws.com"}), policy(allow("s3:*")))
    mine = user(server, unique, policy(allow("sagemaker:*")))
    sagemaker = server.client("sagemaker", **mine)

    def request(name, role_arn):
        return training_job(name, unique, {"num_round": 2}, RoleArn=role_arn)

    denied = refused(sagemaker.create_training_job, **request(f"{unique}-1", good))["Error"]
    assert denied["Code"] == "AccessDeniedException"
    assert f"is not authorized to perform: iam:PassRole on resource: {good}" in denied["Message"]
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    server.client("iam").put_user_policy(
        UserName=unique, PolicyName="pass", PolicyDocument=policy(allow("iam:PassRole", Condition=to_sagemaker))
    )
    untrusted = refused(sagemaker.create_training_job, **request(f"{unique}-2", foreign))["Error"]
    assert untrusted["Message"] == (
        f"Could not assume role {foreign}. Please ensure that the role exists and allows principal"
        " 'sagemaker.amazonaws.com' to assume the role."
    )
    sagemaker.create_training_job(**request(f"{unique}-3", good))
    assert finish(sagemaker, f"{unique}-3")["TrainingJobStatus"] == "Completed"


def test_jobs_and_models_have_the_rights_of_their_role(server, unique):
    training_data(server, unique)
    sagemaker = server.client("sagemaker")
    reader = role(
        server,
        f"{unique}-reader",
        trust(SAGEMAKER),
        policy(allow("s3:ListBucket", f"arn:aws:s3:::{unique}"), allow("s3:GetObject", f"arn:aws:s3:::{unique}/train/*")),
    )
    blind = role(server, f"{unique}-blind", trust(SAGEMAKER))
    for name, role_arn, action in [("blind", blind, "s3:ListBucket"), ("reader", reader, "s3:PutObject")]:
        job = f"{unique}-{name}"
        sagemaker.create_training_job(**training_job(job, unique, {"num_round": 2}, RoleArn=role_arn))
        described = finish(sagemaker, job)
        assert described["TrainingJobStatus"] == "Failed"
        what = "Data download failed" if role_arn == blind else "Uploading the artifacts failed"
        assert described["FailureReason"].startswith(f"ClientError: {what}: AccessDenied: ")
        who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{unique}-{name}/SageMaker"
        assert f"AccessDenied: User: {who} is not authorized to perform: {action}" in described["FailureReason"]

    server.client("s3").put_object(Bucket=unique, Key="model.tar.gz", Body=b"")
    model = {"Image": image(), "ModelDataUrl": f"s3://{unique}/model.tar.gz"}
    denied = refused(sagemaker.create_model, ModelName=unique, ExecutionRoleArn=reader, PrimaryContainer=model)
    assert denied["Error"]["Message"].startswith(
        f'Could not access model data at s3://{unique}/model.tar.gz. Please ensure that the role "{reader}" exists'
    )


WORKLOAD = """
import boto3, sys
print(boto3.client("sts").get_caller_identity()["Arn"])
boto3.client("s3").put_object(Bucket=sys.argv[1], Key="from-the-job", Body=b"1")
"""


def given_to(server, is_wanted):
    """The AWS variables of the one workload whose environment is wanted; its id with them."""
    found = [json.loads(path.read_text()) for path in (server.data_dir / "workloads").glob("*/spec.json")]
    [specification] = [each for each in found if is_wanted(each["env"])]
    given = {name: value for name, value in specification["env"].items() if name.startswith("AWS_")}
    assert given["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == f"{server.url}/_sagebrush/credentials"
    return given


def run_as(given, bucket):
    """boto3 in a process that has nothing but what a workload is given."""
    environment = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"} | given
    command = [sys.executable, "-c", WORKLOAD, bucket]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_a_job_finds_the_credentials_of_its_role_by_itself_and_they_end_with_it(server, unique):
    training_data(server, unique)
    arn = role(server, unique, trust(SAGEMAKER), policy(allow("s3:*")))
    sagemaker = server.client("sagemaker")
    sagemaker.create_training_job(
        **training_job(unique, unique, {"num_round": 1_000_000, "max_depth": 8}, RoleArn=arn)
    )
    workloads = server.data_dir / "workloads"
    deadline = time.time() + 60
    while sagemaker.describe_training_job(TrainingJobName=unique)["SecondaryStatus"] != "Training":
        assert time.time() < deadline
        time.sleep(0.1)
    given = given_to(server, lambda env: env.get("TRAINING_JOB_NAME") == unique)
    done = run_as(given, unique)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{unique}/SageMaker"
    server.client("s3").head_object(Bucket=unique, Key="from-the-job")

    # The token is nowhere but with the workload.
    token = given["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    assert token not in json.dumps(sagemaker.describe_training_job(TrainingJobName=unique), default=str)
    for path in server.data_dir.rglob("*"):
        if path.is_file() and path.parent.parent != workloads:
            assert token.encode() not in path.read_bytes(), path

    sagemaker.stop_training_job(TrainingJobName=unique)
    finish(sagemaker, unique)
    ended = run_as(given, unique)
    assert ended.returncode != 0 and "does not run any more" in ended.stderr


def test_replicas_of_endpoints_have_the_credentials_of_the_models_role_also_after_a_restart_on_another_port(tmp_path):
    own = Server(tmp_path / "data")
    try:
        name = "scores"
        training_data(own, name)
        arn = role(own, name, trust(SAGEMAKER), policy(allow("s3:*")))
        sagemaker = own.client("sagemaker")
        sagemaker.create_training_job(**training_job(name, name, {"num_round": 2}, RoleArn=arn))
        model_data = finish(sagemaker, name)["ModelArtifacts"]["S3ModelArtifacts"]
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=arn, PrimaryContainer={"Image": image(), "ModelDataUrl": model_data}
        )
        variant = {"VariantName": "a", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        for _ in range(2):
            done = run_as(given_to(own, lambda env: "SAGEBRUSH_MODEL_SOCKET" in env), name)
            assert done.stdout.strip() == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/SageMaker", done.stderr
            before = own.url
            own.stop()
            own.start()
            assert own.url != before
            deadline = time.time() + 30
            while not list((own.data_dir / "workloads").glob("ep-*/state.json")):
                assert time.time() < deadline
                time.sleep(0.1)
    finally:
        own.stop()
