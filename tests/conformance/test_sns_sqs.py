"""boto3 and the AWS CLI as users of topics and queues; OpenSSL as the judge of signatures."""

import base64
import email
import email.policy
import hashlib
import http.server
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest

from conftest import Server

boto3 = pytest.importorskip("boto3")
from botocore.exceptions import ClientError  # noqa: E402


class Webhook:
    """An HTTP endpoint that keeps what it is sent and answers as it is told, then with 200."""

    def __init__(self):
        self.posts = queue.Queue()
        self.answers = []
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                webhook.posts.put((dict(self.headers.items()), body.decode()))
                self.send_response(webhook.answers.pop(0) if webhook.answers else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notify"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, seconds=20):
        headers, body = self.posts.get(timeout=seconds)
        return {name.lower(): value for name, value in headers.items()}, body

    def close(self):
        self.server.shutdown()


@pytest.fixture
def webhook():
    running = Webhook()
    yield running
    running.close()


@pytest.fixture
def sns(server):
    return server.client("sns")


@pytest.fixture
def sqs(server):
    return server.client("sqs")


def code_of(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def queue_for(sqs, name, topic_arn):
    """A queue that lets a topic in, and its ARN."""
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def receive(sqs, url, **arguments):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=10, **arguments).get("Messages", [])


def opened(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


class TestTopics:
    def test_life_of_a_topic(self, sns, unique):
        arn = sns.create_topic(Name=unique, Attributes={"DisplayName": "News"}, Tags=[{"Key": "team", "Value": "a"}])["TopicArn"]
        assert sns.create_topic(Name=unique)["TopicArn"] == arn
        assert arn in [topic["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for topic in page["Topics"]]
        attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        assert attributes["Owner"] == "000000000000" and attributes["DisplayName"] == "News"
        assert json.loads(attributes["Policy"])["Id"] == "__default_policy_ID"
        sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="")
        sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
        sns.untag_resource(ResourceArn=arn, TagKeys=["team"])
        assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "1"}]
        sns.delete_topic(TopicArn=arn)
        sns.delete_topic(TopicArn=arn)
        with pytest.raises(sns.exceptions.NotFoundException, match="Topic does not exist"):
            sns.publish(TopicArn=arn, Message="x")

    def test_errors_are_those_of_sns(self, sns, unique):
        arn = sns.create_topic(Name=unique)["TopicArn"]
        with pytest.raises(sns.exceptions.InvalidParameterException, match="Invalid parameter: Topic Name"):
            sns.create_topic(Name="with space")
        with pytest.raises(sns.exceptions.InvalidParameterException, match="Empty message"):
            sns.publish(TopicArn=arn, Message="")
        with pytest.raises(sns.exceptions.InvalidParameterException, match="FIFO"):
            sns.create_topic(Name=f"{unique}.fifo", Attributes={"FifoTopic": "true"})
        assert code_of(sns.publish, PhoneNumber="+15551234567", Message="x") == "InvalidParameter"
        assert code_of(sns.create_platform_application, Name="x", Platform="GCM", Attributes={}) == "NotImplemented"

    def test_a_topic_fans_out_to_queues_by_filter_policy(self, sns, sqs, unique):
        topic = sns.create_topic(Name=unique)["TopicArn"]
        wrapped, wrapped_arn = queue_for(sqs, f"{unique}-all", topic)
        raw, raw_arn = queue_for(sqs, f"{unique}-raw", topic)
        assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=wrapped_arn)["SubscriptionArn"].startswith(topic)
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=raw_arn,
            Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"price": [{"numeric": [">", 10]}]})},
        )
        attributes = {"price": {"DataType": "Number", "StringValue": "12.5"}}
        first = sns.publish(TopicArn=topic, Message="cheap", Subject="Sale")
        second = sns.publish(TopicArn=topic, Message="dear", MessageAttributes=attributes)
        bodies = {}
        while len(bodies) < 2:
            for message in receive(sqs, wrapped):
                body = json.loads(message["Body"])
                bodies[body["Message"]] = body
                sqs.delete_message(QueueUrl=wrapped, ReceiptHandle=message["ReceiptHandle"])
        assert bodies["cheap"]["MessageId"] == first["MessageId"] and bodies["cheap"]["Subject"] == "Sale"
        assert bodies["dear"]["MessageId"] == second["MessageId"]
        assert bodies["dear"]["MessageAttributes"] == {"price": {"Type": "Number", "Value": "12.5"}}
        (message,) = receive(sqs, raw, MessageAttributeNames=["All"])
        assert message["Body"] == "dear" and message["MessageAttributes"] == attributes

    def test_a_webhook_confirms_and_verifies_what_it_is_sent(self, server, sns, unique, webhook):
        topic = sns.create_topic(Name=unique, Attributes={"SignatureVersion": "2"})["TopicArn"]
        assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=webhook.url)["SubscriptionArn"] == "pending confirmation"
        headers, body = webhook.next()
        message = json.loads(body)
        assert headers["x-amz-sns-message-type"] == message["Type"] == "SubscriptionConfirmation"
        verified(message, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"])
        answer = opened(message["SubscribeURL"])
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        assert subscription["SubscriptionArn"] in answer
        webhook.answers = [500]
        policy = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 3}}
        sns.set_subscription_attributes(
            SubscriptionArn=subscription["SubscriptionArn"], AttributeName="DeliveryPolicy", AttributeValue=json.dumps(policy)
        )
        sns.publish(TopicArn=topic, Message="Grüße", Subject="Hi")
        assert webhook.next()[1] == (again := webhook.next())[1]
        notification = json.loads(again[1])
        verified(notification, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
        opened(notification["UnsubscribeURL"])
        assert json.loads(webhook.next()[1])["Type"] == "UnsubscribeConfirmation"
        assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []

    def test_only_confirmation_is_open_to_everybody(self, server, sns, unique):
        topic = sns.create_topic(Name=unique)["TopicArn"]
        for query in (f"Action=Publish&TopicArn={topic}&Message=x", "Action=ListTopics", f"Action=DeleteTopic&TopicArn={topic}"):
            with pytest.raises(urllib.error.HTTPError) as error:
                opened(f"{server.url}/?{query}")
            assert error.value.code == 403
        with pytest.raises(urllib.error.HTTPError) as error:
            opened(f"{server.url}/?Action=ConfirmSubscription&TopicArn={topic}&Token=rubbish")
        assert error.value.code == 400
        assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["TopicArn"] == topic


def verified(message, members):
    """Checks the signature of version 2 with the certificate that the message names; OpenSSL is the judge."""
    if shutil.which("openssl") is None:
        return
    text = "".join(f"{name}\n{message[name]}\n" for name in members)
    with tempfile.TemporaryDirectory() as folder:
        files = {"certificate": opened(message["SigningCertURL"]).encode(), "text": text.encode()}
        files["signature"] = base64.b64decode(message["Signature"])
        paths = {name: os.path.join(folder, name) for name in [*files, "key"]}
        for name, content in files.items():
            with open(paths[name], "wb") as file:
                file.write(content)
        extract = ["openssl", "x509", "-in", paths["certificate"], "-pubkey", "-noout", "-out", paths["key"]]
        subprocess.run(extract, check=True, capture_output=True)
        verify = ["openssl", "dgst", "-sha256", "-verify", paths["key"], "-signature", paths["signature"], paths["text"]]
        judged = subprocess.run(verify, capture_output=True, text=True)
        assert judged.stdout.strip() == "Verified OK", judged


class TestQueues:
    def test_life_of_a_message(self, sqs, unique):
        url = sqs.create_queue(QueueName=unique, Attributes={"VisibilityTimeout": "2"}, tags={"team": "a"})["QueueUrl"]
        assert sqs.get_queue_url(QueueName=unique)["QueueUrl"] == url
        assert url in sqs.list_queues(QueueNamePrefix=unique)["QueueUrls"]
        attributes = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00\x01"}}
        # boto3 itself checks the digest of the body when it receives.
        sent = sqs.send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes=attributes)
        assert sent["MD5OfMessageBody"] == hashlib.md5("héllo".encode()).hexdigest()
        (message,) = receive(sqs, url, AttributeNames=["All"], MessageAttributeNames=["All"])
        assert message["Body"] == "héllo" and message["MessageAttributes"] == attributes
        assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        begin = time.time()
        (again,) = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])
        assert 1 < time.time() - begin < 8
        assert again["Attributes"] == {"ApproximateReceiveCount": "2"}
        sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
        counters = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert counters["ApproximateNumberOfMessages"] == counters["ApproximateNumberOfMessagesNotVisible"] == "0"
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "a"}
        sqs.delete_queue(QueueUrl=url)

    def test_errors_are_those_that_boto3_knows(self, sqs, unique):
        with pytest.raises(sqs.exceptions.QueueDoesNotExist) as error:
            sqs.get_queue_url(QueueName=unique)
        assert error.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
        url = sqs.create_queue(QueueName=unique)["QueueUrl"]
        with pytest.raises(sqs.exceptions.QueueNameExists):
            sqs.create_queue(QueueName=unique, Attributes={"DelaySeconds": "5"})
        with pytest.raises(sqs.exceptions.InvalidAttributeName):
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Colour"])
        with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
            sqs.delete_message(QueueUrl=url, ReceiptHandle="rubbish")
        with pytest.raises(sqs.exceptions.EmptyBatchRequest):
            sqs.delete_message_batch(QueueUrl=url, Entries=[])
        sqs.purge_queue(QueueUrl=url)
        with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
            sqs.purge_queue(QueueUrl=url)
        assert code_of(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=21) == "InvalidParameterValue"
        assert code_of(sqs.create_queue, QueueName="a b") == "InvalidParameterValue"
        assert "UnsupportedOperation" in code_of(sqs.create_queue, QueueName=f"{unique}.fifo", Attributes={"FifoQueue": "true"})
        assert code_of(sqs.start_message_move_task, SourceArn="arn:aws:sqs:us-east-1:000000000000:x") == "NotImplemented"

    def test_batches_and_the_resource_interface(self, server, sqs, unique):
        url = sqs.create_queue(QueueName=unique)["QueueUrl"]
        session = boto3.session.Session()
        resource = session.resource(
            "sqs",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.key,
            aws_secret_access_key=server.secret,
        )
        the_queue = resource.get_queue_by_name(QueueName=unique)
        assert the_queue.url == url
        the_queue.send_messages(Entries=[{"Id": str(n), "MessageBody": f"m{n}"} for n in range(10)])
        messages = the_queue.receive_messages(MaxNumberOfMessages=10, WaitTimeSeconds=1)
        assert sorted(message.body for message in messages) == [f"m{n}" for n in range(10)]
        deleted = the_queue.delete_messages(
            Entries=[{"Id": str(n), "ReceiptHandle": message.receipt_handle} for n, message in enumerate(messages)]
        )
        assert len(deleted["Successful"]) == 10

    def test_what_nobody_can_work_with_ends_in_the_dead_letter_queue(self, sqs, unique):
        dead = sqs.create_queue(QueueName=f"{unique}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})
        url = sqs.create_queue(QueueName=unique, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="poison")
        assert len(receive(sqs, url)) == 1
        assert sqs.receive_message(QueueUrl=url).get("Messages") is None
        assert [message["Body"] for message in receive(sqs, dead)] == ["poison"]
        assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


def test_the_command_line_does_it_too(server, unique):
    def aws(*arguments):
        # Version 1 overrides AWS_ENDPOINT_URL for SQS with AWS's old host names; only the option is stronger.
        done = subprocess.run(
            ["aws", *arguments, "--output", "json", "--endpoint-url", server.url], env=server.environment(), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    pytest.importorskip("awscli")
    topic = aws("sns", "create-topic", "--name", unique)["TopicArn"]
    url = aws("sqs", "create-queue", "--queue-name", unique)["QueueUrl"]
    assert aws("sns", "list-subscriptions-by-topic", "--topic-arn", topic) == {"Subscriptions": []}
    aws("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
    answer = aws("sqs", "receive-message", "--queue-url", url, "--wait-time-seconds", "2")
    assert answer["Messages"][0]["Body"] == "hello"
    assert "MessageId" in aws("sns", "publish", "--topic-arn", topic, "--message", "hello")


def test_nothing_that_was_promised_is_lost_by_kill_9(tmp_path, unique, webhook):
    server = Server(tmp_path)
    try:
        sns, sqs = server.client("sns"), server.client("sqs")
        topic = sns.create_topic(Name=unique)["TopicArn"]
        url, arn = queue_for(sqs, unique, topic)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=webhook.url)
        opened(json.loads(webhook.next()[1])["SubscribeURL"])
        webhook.answers = [503] * 40
        promised = {sns.publish(TopicArn=topic, Message=f"m{n}")["MessageId"] for n in range(20)}
        server.kill()
        webhook.answers = []
        server.start()
        sqs = server.client("sqs")
        path = url.split("/", 3)[3]
        found = set()
        deadline = time.time() + 60
        while found < promised and time.time() < deadline:
            found |= {json.loads(message["Body"])["MessageId"] for message in receive(sqs, f"{server.url}/{path}")}
        assert found == promised
        told = set()
        while told < promised and time.time() < deadline:
            headers, _ = webhook.next(40)
            told.add(headers["x-amz-sns-message-id"])
        assert told >= promised
    finally:
        server.stop()


def test_mail_is_a_file(server, sns, unique):
    topic = sns.create_topic(Name=unique)["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="someone@example.com", ReturnSubscriptionArn=True)["SubscriptionArn"]
    folder = os.path.join(server.data_dir, "mail", arn.rsplit(":", 1)[1])

    def mails(count):
        deadline = time.time() + 20
        while time.time() < deadline:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".eml")) if os.path.isdir(folder) else []
            if len(names) == count:
                return [email.message_from_bytes(open(os.path.join(folder, name), "rb").read(), policy=email.policy.default) for name in names]
            time.sleep(0.05)
        raise AssertionError(names)

    (confirmation,) = mails(1)
    assert confirmation["To"] == "someone@example.com"
    link = next(line for line in confirmation.get_content().splitlines() if line.startswith("http://"))
    opened(link)
    sns.publish(TopicArn=topic, Message="Grüße\n" + "x" * 2000, Subject="Übersicht")
    by_subject = {mail["Subject"]: mail for mail in mails(2)}
    notification = by_subject["Übersicht"]
    assert notification.get_content().splitlines()[:2] == ["Grüße", "x" * 2000]
    assert notification["MIME-Version"] == "1.0"
