"""What is set on buckets, and the web around them, as boto3, the AWS CLI and browsers use it."""

import io
import json
import os
import subprocess
import time

import pytest

boto3 = pytest.importorskip("boto3")
requests = pytest.importorskip("requests")
from botocore import UNSIGNED  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from conftest import Server  # noqa: E402


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3")


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=unique)
    return unique


def code(error):
    return error.value.response["Error"]["Code"]


def without_ids(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def open_to_all(s3, bucket, *actions):
    s3.delete_public_access_block(Bucket=bucket)
    resource = lambda action: f"arn:aws:s3:::{bucket}" + ("" if action.startswith("s3:List") else "/*")
    statements = [{"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource(action)} for action in actions]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))


CORS = [{"ID": "one", "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://a.example"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 5}]
LIFECYCLE = [
    {
        "ID": "one",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "tmp/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 10}},
        "Expiration": {"Days": 3},
    },
    {"ID": "two", "Status": "Disabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 3}},
]
WEBSITE = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "e.html"}, "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}]}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}


@pytest.mark.parametrize(
    "name, given, shown, absent",
    [
        ("bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}, {"Status": "Enabled"}, None),
        ("bucket_tagging", {"Tagging": {"TagSet": [{"Key": "ключ", "Value": "a b"}]}}, {"TagSet": [{"Key": "ключ", "Value": "a b"}]}, "NoSuchTagSet"),
        ("bucket_cors", {"CORSConfiguration": {"CORSRules": CORS}}, {"CORSRules": CORS}, "NoSuchCORSConfiguration"),
        ("bucket_website", {"WebsiteConfiguration": WEBSITE}, WEBSITE, "NoSuchWebsiteConfiguration"),
        ("bucket_encryption", {"ServerSideEncryptionConfiguration": ENCRYPTION}, {"ServerSideEncryptionConfiguration": ENCRYPTION}, "ServerSideEncryptionConfigurationNotFoundError"),
        ("public_access_block", {"PublicAccessBlockConfiguration": BLOCK}, {"PublicAccessBlockConfiguration": BLOCK}, "NoSuchPublicAccessBlockConfiguration"),
        ("bucket_ownership_controls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}, {"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}, "OwnershipControlsNotFoundError"),
        ("bucket_request_payment", {"RequestPaymentConfiguration": {"Payer": "Requester"}}, {"Payer": "Requester"}, None),
    ],
)
def test_what_is_put_is_shown_and_can_be_taken_away(s3, bucket, name, given, shown, absent):
    getattr(s3, f"put_{name}")(Bucket=bucket, **given)
    assert without_ids(getattr(s3, f"get_{name}")(Bucket=bucket)) == shown
    if absent is None:
        return
    getattr(s3, f"delete_{name}")(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        getattr(s3, f"get_{name}")(Bucket=bucket)
    assert code(error) == absent


def test_lifecycle_rules(s3, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": LIFECYCLE})
    shown = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert shown["Rules"] == LIFECYCLE and shown["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [{"Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}]})
    assert code(refused) == "NotImplemented" and "Transitions" in str(refused.value)
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert code(error) == "NoSuchLifecycleConfiguration"


def test_what_is_never_set_is_answered_as_not_set(s3, bucket):
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert "TopicConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert s3.list_bucket_metrics_configurations(Bucket=bucket)["IsTruncated"] is False
    for call, expected in [
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
    ]:
        with pytest.raises(ClientError) as error:
            call(Bucket=bucket)
        assert code(error) == expected
    for call in (
        lambda: s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={}),
        lambda: s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"}),
        lambda: s3.select_object_content(Bucket=bucket, Key="k", Expression="select 1", ExpressionType="SQL", InputSerialization={}, OutputSerialization={}),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert code(refused) == "NotImplemented"


def test_policies_open_buckets_to_everybody_and_say_where_they_are_wrong(s3, server, bucket):
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"open")
    url = f"{server.url}/{bucket}/a/k"
    assert requests.get(url).status_code == 403
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/a/*"}]}
    with pytest.raises(ClientError) as blocked:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert code(blocked) == "AccessDenied" and "BlockPublicPolicy" in str(blocked.value)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert requests.get(url).content == b"open"
    assert requests.get(f"{server.url}/{bucket}/b").status_code == 403
    anonymous = server.client("s3", aws_access_key_id=None, aws_secret_access_key=None, config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}))
    assert anonymous.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"open"
    for call, expected in [
        (lambda: anonymous.list_objects_v2(Bucket=bucket), "AccessDenied"),
        (lambda: anonymous.put_object(Bucket=bucket, Key="a/k", Body=b"x"), "AccessDenied"),
        (lambda: anonymous.get_object(Bucket=bucket, Key="a/none"), "AccessDenied"),
        (lambda: anonymous.get_object(Bucket="no-such-bucket-here", Key="k"), "NoSuchBucket"),
    ]:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == expected
    assert "<Code>InvalidRequest</Code>" in requests.get(url + "?response-content-type=text/html").text
    # What is restricted is closed again, without touching the policy.
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert requests.get(url).status_code == 403
    assert s3.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"open"
    for text, where in [("{", "line 1"), ('{"Version":"2012-10-17",\n"Statement":[{"Effect":"Perhaps"}]}', "line 2")]:
        with pytest.raises(ClientError) as malformed:
            s3.put_bucket_policy(Bucket=bucket, Policy=text)
        assert code(malformed) == "MalformedPolicy" and where in str(malformed.value)


def test_users_see_what_their_policies_let_them(s3, server, bucket, unique):
    iam = server.client("iam")
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    user = server.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    s3.put_object(Bucket=bucket, Key="home/k", Body=b"mine", Tagging="team=blue")
    with pytest.raises(ClientError) as nothing:
        user.get_object(Bucket=bucket, Key="home/k")
    assert code(nothing) == "AccessDenied"
    assert f'user/{unique} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/home/k" because no identity-based policy allows the s3:GetObject action' in str(nothing.value)
    arn = f"arn:aws:s3:::{bucket}"
    statements = [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn, "Condition": {"StringLike": {"s3:prefix": "home/*"}}},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": f"{arn}/home/*"},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}},
    ]
    iam.put_user_policy(UserName=unique, PolicyName="home", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert user.get_object(Bucket=bucket, Key="home/k")["Body"].read() == b"mine"
    assert user.list_objects_v2(Bucket=bucket, Prefix="home/")["KeyCount"] == 1
    user.put_object(Bucket=bucket, Key="home/new", Body=b"")
    assert "Errors" not in user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "home/new"}]})
    assert user.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "other"}]})["Errors"][0]["Code"] == "AccessDenied"
    for call in (
        lambda: user.list_objects_v2(Bucket=bucket),
        lambda: user.list_buckets(),
        lambda: user.put_object(Bucket=bucket, Key="home/k", Body=b"", ACL="private"),
        lambda: user.put_bucket_policy(Bucket=bucket, Policy="{}"),
        lambda: user.get_object(Bucket=bucket, Key="elsewhere"),
        lambda: user.copy_object(Bucket=bucket, Key="home/copy", CopySource=f"{bucket}/elsewhere"),
    ):
        with pytest.raises(ClientError) as denied:
            call()
        assert code(denied) == "AccessDenied"
    # The bucket has a say of its own: it may deny, and it may allow by the object's tags.
    policy = [{"Effect": "Deny", "Principal": {"AWS": iam.get_user(UserName=unique)["User"]["Arn"]}, "Action": "s3:GetObject", "Resource": f"{arn}/*", "Condition": {"StringEquals": {"s3:ExistingObjectTag/team": "blue"}}}]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": policy}))
    with pytest.raises(ClientError) as denied:
        user.get_object(Bucket=bucket, Key="home/k")
    assert "with an explicit deny in a resource-based policy" in str(denied.value)
    s3.put_object(Bucket=bucket, Key="home/k", Body=b"mine", Tagging="team=red")
    assert user.get_object(Bucket=bucket, Key="home/k")["Body"].read() == b"mine"


def test_access_control_lists(s3, server, unique):
    with pytest.raises(ClientError) as enforced:
        s3.create_bucket(Bucket=unique, ACL="public-read")
    assert code(enforced) == "InvalidBucketAclWithObjectOwnership"
    s3.create_bucket(Bucket=unique, ObjectOwnership="BucketOwnerPreferred")
    s3.put_object(Bucket=unique, Key="k", Body=b"listed", ACL="bucket-owner-full-control")
    with pytest.raises(ClientError) as blocked:
        s3.put_object_acl(Bucket=unique, Key="k", ACL="public-read")
    assert code(blocked) == "AccessDenied" and "BlockPublicAcls" in str(blocked.value)
    s3.delete_public_access_block(Bucket=unique)
    s3.put_object_acl(Bucket=unique, Key="k", ACL="public-read")
    owner = s3.get_bucket_acl(Bucket=unique)["Owner"]
    assert s3.get_object_acl(Bucket=unique, Key="k")["Grants"] == [
        {"Grantee": {"ID": owner["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"},
    ]
    assert requests.get(f"{server.url}/{unique}/k").content == b"listed"
    assert requests.get(f"{server.url}/{unique}").status_code == 403
    s3.put_bucket_acl(Bucket=unique, GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers"')
    assert "<Key>k</Key>" in requests.get(f"{server.url}/{unique}").text
    grants = {"Owner": owner, "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": owner["ID"]}, "Permission": "FULL_CONTROL"}]}
    s3.put_bucket_acl(Bucket=unique, AccessControlPolicy=grants)
    assert requests.get(f"{server.url}/{unique}").status_code == 403


def test_pages_of_other_origins(s3, server, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    open_to_all(s3, bucket, "s3:GetObject")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": CORS})
    url = f"{server.url}/{bucket}/k"
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-date,content-type"}
    allowed = requests.options(url, headers=asked)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert allowed.headers["Access-Control-Allow-Headers"] == "x-amz-date, content-type"
    assert requests.options(url, headers=asked | {"Origin": "https://b.example"}).status_code == 403
    assert requests.get(url, headers={"Origin": "https://a.example"}).headers["Access-Control-Expose-Headers"] == "ETag"
    assert "Access-Control-Allow-Origin" not in requests.get(url, headers={"Origin": "https://b.example"}).headers


def run_aws(server, *arguments):
    if subprocess.run(["which", "aws"], capture_output=True).returncode != 0:
        pytest.skip("the AWS CLI is not installed")
    done = subprocess.run(["aws", *arguments], env=server.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_website_made_with_the_cli(s3, server, bucket, tmp_path):
    (tmp_path / "docs").mkdir()
    for name, text in (("index.html", "home"), ("oops.html", "oops"), ("docs/index.html", "docs")):
        (tmp_path / name).write_text(text)
    run_aws(server, "s3", "website", f"s3://{bucket}", "--index-document", "index.html", "--error-document", "oops.html")
    run_aws(server, "s3", "sync", str(tmp_path), f"s3://{bucket}/")
    open_to_all(s3, bucket, "s3:GetObject", "s3:ListBucket")
    host = {"Host": f"{bucket}.s3-website-us-east-1.amazonaws.com"}
    home = requests.get(server.url, headers=host)
    assert (home.text, home.headers["Content-Type"]) == ("home", "text/html")
    assert requests.get(f"{server.url}/_sagebrush/website/{bucket}/docs").text == "docs"  # over a redirect
    moved = requests.get(f"{server.url}/docs", headers=host, allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (302, "/docs/")
    missing = requests.get(f"{server.url}/none", headers=host)
    assert (missing.status_code, missing.text) == (404, "oops")
    assert requests.head(server.url, headers=host).headers["Content-Length"] == "4"


def test_the_cli_shows_and_sets_settings(server, bucket):
    run_aws(server, "s3api", "put-bucket-tagging", "--bucket", bucket, "--tagging", "TagSet=[{Key=a,Value=b}]")
    assert json.loads(run_aws(server, "s3api", "get-bucket-tagging", "--bucket", bucket))["TagSet"] == [{"Key": "a", "Value": "b"}]
    run_aws(server, "s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled")
    assert json.loads(run_aws(server, "s3api", "get-bucket-versioning", "--bucket", bucket)) == {"Status": "Enabled"}
    run_aws(server, "s3api", "put-bucket-cors", "--bucket", bucket, "--cors-configuration", json.dumps({"CORSRules": CORS}))
    assert json.loads(run_aws(server, "s3api", "get-bucket-cors", "--bucket", bucket)) == {"CORSRules": CORS}
    assert json.loads(run_aws(server, "s3api", "get-bucket-acl", "--bucket", bucket))["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_presigned_urls_of_the_cli_expire(s3, server, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"for a second")
    url = run_aws(server, "s3", "presign", f"s3://{bucket}/k", "--expires-in", "1").strip()
    assert requests.get(url).content == b"for a second"
    time.sleep(2.1)
    late = requests.get(url)
    assert late.status_code == 403 and "Request has expired" in late.text


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_forms_of_browsers(server, bucket, version):
    s3 = server.client("s3", config=Config(signature_version=version))
    fields = {"acl": "private", "x-amz-meta-who": "me", "success_action_status": "201"}
    conditions = [{"acl": "private"}, {"x-amz-meta-who": "me"}, {"success_action_status": "201"}, ["content-length-range", 1, 12 * 2**20]]
    form = s3.generate_presigned_post(bucket, "up/${filename}", Fields=fields, Conditions=conditions, ExpiresIn=60)
    body = os.urandom(11 * 2**20)
    done = requests.post(form["url"], data=form["fields"], files={"file": ("größe.bin", io.BytesIO(body))})
    assert done.status_code == 201, done.text
    assert "<PostResponse>" in done.text
    # Signature Version 2 is for forms and presigned URLs; everything else is signed with Version 4.
    reader = server.client("s3")
    got = reader.get_object(Bucket=bucket, Key="up/größe.bin")
    assert got["Body"].read() == body and got["Metadata"] == {"who": "me"}
    too_large = requests.post(form["url"], data=form["fields"], files={"file": ("b", io.BytesIO(os.urandom(13 * 2**20)))})
    assert (too_large.status_code, "EntityTooLarge" in too_large.text) == (400, True)
    spoiled = requests.post(form["url"], data=form["fields"] | {"acl": "public-read"}, files={"file": ("c", b"x")})
    assert (spoiled.status_code, "Policy Condition failed" in spoiled.text) == (403, True)
    assert [each["Key"] for each in reader.list_objects_v2(Bucket=bucket)["Contents"]] == ["up/größe.bin"]


def test_notifications_to_queues_are_refused_by_name(s3, bucket):
    queue = {"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q", "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=queue)
    assert code(refused) == "NotImplemented"


def test_settings_survive_a_kill(tmp_path, unique):
    server = Server(tmp_path)
    s3, bucket = server.client("s3"), unique
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": CORS})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    server.kill()
    server.start()
    again = server.client("s3")
    assert again.get_bucket_cors(Bucket=bucket)["CORSRules"] == CORS
    assert again.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    server.stop()


def receive(sqs, queue, count):
    """The S3 events that came to a queue through a topic, as (event, key), in the order of their arrival."""
    found, deadline = [], time.time() + 60
    while len(found) < count:
        assert time.time() < deadline, found
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            envelope = json.loads(message["Body"])
            assert envelope["Subject"] == "Amazon S3 Notification"
            body = json.loads(envelope["Message"])
            found += [(body["Event"], body["Bucket"])] if "Event" in body else [(each["eventName"], each["s3"]["object"]["key"]) for each in body["Records"]]
    return found


def test_topics_are_told_of_objects_also_after_a_kill(tmp_path, unique):
    server = Server(tmp_path)
    s3, sns, sqs = (server.client(service) for service in ("s3", "sns", "sqs"))
    s3.create_bucket(Bucket=unique)
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=unique)["TopicArn"]
    configuration = {"TopicConfigurations": [{"Id": "n", "TopicArn": topic, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}}]}
    with pytest.raises(ClientError) as closed:
        s3.put_bucket_notification_configuration(Bucket=unique, NotificationConfiguration=configuration)
    assert code(closed) == "InvalidArgument" and "Unable to validate the following destination configurations" in str(closed.value)

    allow = lambda who, action, what, source: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": who}, "Action": action, "Resource": what, "Condition": {"ArnEquals": {"aws:SourceArn": source}}}]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=allow("s3.amazonaws.com", "sns:Publish", topic, f"arn:aws:s3:::{unique}"))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": allow("sns.amazonaws.com", "sqs:SendMessage", queue_arn, topic)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    s3.put_bucket_notification_configuration(Bucket=unique, NotificationConfiguration=configuration)
    assert without_ids(s3.get_bucket_notification_configuration(Bucket=unique)) == configuration
    assert receive(sqs, queue, 1) == [("s3:TestEvent", unique)]

    s3.put_object(Bucket=unique, Key="in/a b", Body=b"x")
    s3.put_object(Bucket=unique, Key="out/a", Body=b"x")
    s3.copy_object(Bucket=unique, Key="in/copy", CopySource=f"{unique}/out/a")
    form = s3.generate_presigned_post(unique, "in/form")
    requests.post(form["url"], data=form["fields"], files={"file": b"x"})
    assert sorted(receive(sqs, queue, 3)) == [("ObjectCreated:Copy", "in/copy"), ("ObjectCreated:Post", "in/form"), ("ObjectCreated:Put", "in/a+b")]

    for index in range(20):
        s3.put_object(Bucket=unique, Key=f"in/{index}", Body=b"x")
    server.kill()
    server.start()
    sqs = server.client("sqs")
    queue = sqs.get_queue_url(QueueName=unique)["QueueUrl"]
    assert set(receive(sqs, queue, 20)) == {("ObjectCreated:Put", f"in/{index}") for index in range(20)}
    server.stop()
