"""IAM as boto3 and the AWS CLI see it: users and their keys, groups, roles, policies with versions, simulations, and that what
policies say is what happens."""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.exceptions import ClientError  # noqa: E402

ACCOUNT = "000000000000"
AWS = Path(sys.executable).parent / "aws"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


TRUST = policy({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})


@pytest.fixture
def iam(server):
    return server.client("iam")


def refused(call, code, text=""):
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code, caught.value
    assert text in caught.value.response["Error"]["Message"], caught.value
    return caught.value


def cli(server, *arguments, fails=False, credentials=None):
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed beside this Python")
    environment = server.environment() | (credentials or {})
    done = subprocess.run([str(AWS), "iam", *arguments], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode != 0) == fails, done.stderr + done.stdout
    if fails:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def keys(iam, name):
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def test_a_user_with_a_key_may_do_what_its_policies_say_and_no_more(server, iam, unique):
    iam.create_user(UserName=unique)
    credentials = keys(iam, unique)
    assert server.client("sts", **credentials).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{unique}"
    s3 = server.client("s3", **credentials)
    refused(s3.list_buckets, "AccessDenied", "no identity-based policy allows the s3:ListAllMyBuckets action")
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=policy(allow(["s3:ListAllMyBuckets", "s3:CreateBucket"])))
    s3.create_bucket(Bucket=unique)
    assert unique in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    refused(lambda: s3.delete_bucket(Bucket=unique), "AccessDenied", f'"arn:aws:s3:::{unique}"')
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=policy(EVERYTHING, deny))
    refused(s3.list_buckets, "AccessDenied", "explicit deny in an identity-based policy")
    refused(
        lambda: server.client("iam", **credentials).get_user(UserName="none"),
        "NoSuchEntity",
        "The user with name none cannot be found.",
    )


def test_an_inactive_or_deleted_key_is_unknown(server, iam, unique):
    iam.create_user(UserName=unique)
    credentials = keys(iam, unique)
    key = credentials["aws_access_key_id"]
    sts = server.client("sts", **credentials)
    sts.get_caller_identity()
    iam.update_access_key(UserName=unique, AccessKeyId=key, Status="Inactive")
    refused(sts.get_caller_identity, "InvalidClientTokenId")
    iam.update_access_key(UserName=unique, AccessKeyId=key, Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName=unique, AccessKeyId=key)
    refused(sts.get_caller_identity, "InvalidClientTokenId")


def test_a_user_manages_its_own_keys_when_a_policy_with_its_name_lets_it(server, iam, unique):
    iam.create_user(UserName=unique, Path="/people/")
    own = policy(allow("iam:*AccessKey*", f"arn:aws:iam::{ACCOUNT}:user/people/${{aws:username}}"))
    iam.put_user_policy(UserName=unique, PolicyName="own-keys", PolicyDocument=own)
    self = server.client("iam", **keys(iam, unique))
    second = self.create_access_key()["AccessKey"]["AccessKeyId"]
    assert len(self.list_access_keys()["AccessKeyMetadata"]) == 2
    self.delete_access_key(AccessKeyId=second)
    iam.create_user(UserName=f"{unique}-b")
    refused(lambda: self.create_access_key(UserName=f"{unique}-b"), "AccessDenied", "iam:CreateAccessKey")
    refused(self.list_users, "AccessDenied", f"arn:aws:iam::{ACCOUNT}:user/")


def test_users_groups_and_paginators(iam, unique):
    names = [f"{unique}-{index}" for index in range(5)]
    for name in names:
        iam.create_user(UserName=name, Path=f"/{unique}/", Tags=[{"Key": "n", "Value": name}])
    pages = iam.get_paginator("list_users").paginate(PathPrefix=f"/{unique}/", PaginationConfig={"PageSize": 2})
    users = [user for page in pages for user in page["Users"]]
    assert [user["UserName"] for user in users] == names
    assert abs(users[0]["CreateDate"] - datetime.now(timezone.utc)) < timedelta(minutes=5)
    iam.create_group(GroupName=unique)
    for name in names[:3]:
        iam.add_user_to_group(GroupName=unique, UserName=name)
    iam.update_group(GroupName=unique, NewGroupName=f"{unique}-new")
    members = iam.get_paginator("get_group").paginate(GroupName=f"{unique}-new", PaginationConfig={"PageSize": 1})
    assert [user["UserName"] for page in members for user in page["Users"]] == names[:3]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName=names[0])["Groups"]] == [f"{unique}-new"]
    assert iam.list_user_tags(UserName=names[4])["Tags"] == [{"Key": "n", "Value": names[4]}]
    refused(lambda: iam.delete_group(GroupName=f"{unique}-new"), "DeleteConflict", "must remove users from group first")
    refused(lambda: iam.create_user(UserName=names[0].upper()), "EntityAlreadyExists")
    iam.get_waiter("user_exists").wait(UserName=names[0])


def test_groups_give_their_members_their_permissions(server, iam, unique):
    iam.create_user(UserName=unique)
    iam.create_group(GroupName=unique)
    iam.attach_group_policy(GroupName=unique, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    member = server.client("iam", **keys(iam, unique))
    refused(member.list_groups, "AccessDenied")
    iam.add_user_to_group(GroupName=unique, UserName=unique)
    assert member.list_groups()["Groups"]
    iam.remove_user_from_group(GroupName=unique, UserName=unique)
    refused(member.list_groups, "AccessDenied")


def test_roles_with_policies_tags_and_boundaries(iam, unique):
    role = iam.create_role(RoleName=unique, AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert role["RoleId"].startswith("AROA") and role["MaxSessionDuration"] == 3600
    iam.attach_role_policy(RoleName=unique, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.put_role_policy(RoleName=unique, PolicyName="inline", PolicyDocument=policy(EVERYTHING))
    iam.put_role_permissions_boundary(RoleName=unique, PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess")
    found = iam.get_role(RoleName=unique)["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("PowerUserAccess")
    assert found["Tags"] == [{"Key": "a", "Value": "b"}]
    assert iam.get_role_policy(RoleName=unique, PolicyName="inline")["PolicyDocument"] == json.loads(policy(EVERYTHING))
    refused(lambda: iam.delete_role(RoleName=unique), "DeleteConflict", "must detach all policies first")
    iam.detach_role_policy(RoleName=unique, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.delete_role_policy(RoleName=unique, PolicyName="inline")
    assert iam.list_instance_profiles_for_role(RoleName=unique)["InstanceProfiles"] == []
    iam.delete_role(RoleName=unique)
    refused(lambda: iam.get_role(RoleName=unique), "NoSuchEntity")
    unknown = "arn:aws:iam::aws:policy/AmazonSageMakerFullAcces"
    iam.create_role(RoleName=unique, AssumeRolePolicyDocument=TRUST)
    refused(lambda: iam.attach_role_policy(RoleName=unique, PolicyArn=unknown), "NoSuchEntity", "does not exist or is not attachable")


def test_managed_policies_have_versions_of_which_one_is_enforced(server, iam, unique):
    arn = iam.create_policy(PolicyName=unique, PolicyDocument=policy(allow("sns:*")))["Policy"]["Arn"]
    iam.create_user(UserName=unique)
    iam.attach_user_policy(UserName=unique, PolicyArn=arn)
    member = server.client("iam", **keys(iam, unique))
    refused(member.list_groups, "AccessDenied")
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("iam:ListGroups")), SetAsDefault=True)
    assert version["PolicyVersion"]["VersionId"] == "v2" and version["PolicyVersion"]["IsDefaultVersion"]
    member.list_groups()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    refused(member.list_groups, "AccessDenied")
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert document == json.loads(policy(allow("iam:ListGroups")))
    refused(lambda: iam.delete_policy_version(PolicyArn=arn, VersionId="v1"), "DeleteConflict")
    assert [entry["VersionId"] for entry in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2", "v1"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert [user["UserName"] for user in iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"]] == [unique]
    refused(lambda: iam.delete_policy(PolicyArn=arn), "DeleteConflict", "attached to entities")
    local = [page["Policies"] for page in iam.get_paginator("list_policies").paginate(Scope="Local", OnlyAttached=True)]
    assert arn in [entry["Arn"] for entry in sum(local, [])]
    aws = [page["Policies"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 20})]
    assert "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess" in [entry["Arn"] for entry in sum(aws, [])]


def test_a_malformed_policy_is_refused_with_the_place_of_the_mistake(iam, unique):
    text = '{\n  "Version": "2012-10-17",\n  "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}]\n}'
    refused(
        lambda: iam.create_policy(PolicyName=unique, PolicyDocument=text),
        "MalformedPolicyDocument",
        "line 3",
    )


def test_what_is_not_supported_is_refused_by_name(iam, unique):
    refused(lambda: iam.create_instance_profile(InstanceProfileName=unique), "NotImplemented", "CreateInstanceProfile")
    refused(lambda: iam.create_virtual_mfa_device(VirtualMFADeviceName=unique), "NotImplemented", "CreateVirtualMFADevice")
    iam.create_user(UserName=unique)
    refused(lambda: iam.create_login_profile(UserName=unique, Password="Secret-1234"), "NotImplemented", "CreateLoginProfile")


def test_simulations_answer_as_requests_would(server, iam, unique):
    iam.create_user(UserName=unique)
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=policy(allow("s3:GetObject", f"arn:aws:s3:::{unique}/*")))
    source = f"arn:aws:iam::{ACCOUNT}:user/{unique}"
    results = iam.simulate_principal_policy(
        PolicySourceArn=source,
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=[f"arn:aws:s3:::{unique}/k"],
    )["EvaluationResults"]
    assert [entry["EvalDecision"] for entry in results] == ["allowed", "implicitDeny"]
    matched = results[0]["MatchedStatements"][0]
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("p", "user")
    assert matched["StartPosition"]["Line"] == 1
    conditional = policy(allow("s3:*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}))
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[conditional],
        ActionNames=["s3:GetObject", "s3:PutObject", "sns:Publish"],
        ContextEntries=[{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["eu-west-1"], "ContextKeyType": "string"}],
        PaginationConfig={"PageSize": 2},
    )
    decisions = [entry["EvalDecision"] for page in pages for entry in page["EvaluationResults"]]
    assert decisions == ["allowed", "allowed", "implicitDeny"]
    missing = iam.simulate_custom_policy(PolicyInputList=[conditional], ActionNames=["s3:GetObject"])["EvaluationResults"][0]
    assert (missing["EvalDecision"], missing["MissingContextValues"]) == ("implicitDeny", ["aws:RequestedRegion"])
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[conditional])["ContextKeyNames"] == ["aws:RequestedRegion"]


def test_a_key_tells_when_it_was_last_used(server, iam, unique):
    iam.create_user(UserName=unique)
    credentials = keys(iam, unique)
    key = credentials["aws_access_key_id"]
    assert iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    server.client("sts", region="eu-west-1", **credentials).get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key)
    assert used["UserName"] == unique
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == ("sts", "eu-west-1")
    assert abs(used["AccessKeyLastUsed"]["LastUsedDate"] - datetime.now(timezone.utc)) < timedelta(minutes=5)


def test_the_whole_account_at_once(iam, unique):
    iam.create_user(UserName=unique)
    details = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3})
    users = [user["UserName"] for page in details for user in page["UserDetailList"]]
    assert unique in users
    assert iam.get_account_summary()["SummaryMap"]["Users"] == len(users)
    iam.create_account_alias(AccountAlias=unique)
    assert iam.list_account_aliases()["AccountAliases"] == [unique]
    iam.delete_account_alias(AccountAlias=unique)


def test_everything_survives_kill_nine(tmp_path_factory):
    from conftest import Server

    server = Server(tmp_path_factory.mktemp("iam"))
    try:
        iam = server.client("iam")
        iam.create_user(UserName="ann")
        iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
        credentials = keys(iam, "ann")
        server.kill()
        server.start()
        ann = server.client("iam", **credentials)
        assert ann.get_user()["User"]["UserName"] == "ann"
        refused(lambda: ann.delete_user(UserName="ann"), "AccessDenied", "iam:DeleteUser")
    finally:
        server.stop()


def test_the_command_line(server, unique):
    made = cli(server, "create-user", "--user-name", unique, "--tags", "Key=team,Value=ml")
    assert made["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{unique}"
    key = cli(server, "create-access-key", "--user-name", unique)["AccessKey"]
    credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    denied = cli(server, "list-users", fails=True, credentials=credentials)
    who = f"User: arn:aws:iam::{ACCOUNT}:user/{unique} is not authorized to perform: iam:ListUsers"
    assert "(AccessDenied)" in denied and who in denied
    arn = cli(server, "create-policy", "--policy-name", unique, "--policy-document", policy(allow("iam:List*")))["Policy"]["Arn"]
    cli(server, "attach-user-policy", "--user-name", unique, "--policy-arn", arn)
    users = cli(server, "list-users", "--max-items", "3", credentials=credentials)["Users"]
    assert len(users) <= 3
    decisions = cli(
        server, "simulate-principal-policy", "--policy-source-arn", made["User"]["Arn"],
        "--action-names", "iam:ListUsers", "iam:CreateUser", "--query", "EvaluationResults[].EvalDecision",
    )
    assert decisions == ["allowed", "implicitDeny"]
    document = cli(server, "get-policy-version", "--policy-arn", arn, "--version-id", "v1")["PolicyVersion"]["Document"]
    assert document == json.loads(policy(allow("iam:List*")))
    cli(server, "create-group", "--group-name", unique)
    cli(server, "add-user-to-group", "--group-name", unique, "--user-name", unique)
    assert cli(server, "get-group", "--group-name", unique)["Users"][0]["UserName"] == unique
    cli(server, "create-role", "--role-name", unique, "--assume-role-policy-document", TRUST)
    cli(server, "attach-role-policy", "--role-name", unique, "--policy-arn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    attached = cli(server, "list-attached-role-policies", "--role-name", unique)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    conflict = cli(server, "delete-user", "--user-name", unique, fails=True)
    assert "(DeleteConflict)" in conflict and "must detach all policies first" in conflict


def test_documents_are_percent_encoded_on_the_wire(server, iam, unique):
    iam.create_role(RoleName=unique, AssumeRolePolicyDocument=TRUST)
    raw = {}
    iam.meta.events.register("after-call.iam.GetRole", lambda http_response, **_: raw.update(text=http_response.text))
    iam.get_role(RoleName=unique)
    encoded = raw["text"].split("<AssumeRolePolicyDocument>")[1].split("<")[0]
    assert "%7B%22Version%22" in encoded and unquote(encoded) == TRUST
