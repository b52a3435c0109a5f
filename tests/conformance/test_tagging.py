"""boto3 as a user of the tagging API over the resources of several services."""

import pytest

boto3 = pytest.importorskip("boto3")
from botocore.exceptions import ClientError  # noqa: E402


def arns(page):
    return [resource["ResourceARN"] for resource in page["ResourceTagMappingList"]]


def test_resources_of_all_services_by_their_tags(server, unique):
    tagging = server.client("resourcegroupstaggingapi")
    tags = [{"Key": "project", "Value": unique}]
    topic = server.client("sns").create_topic(Name=unique, Tags=tags)["TopicArn"]
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=unique, tags={"project": unique, "kind": "queue"})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3 = server.client("s3")
    s3.create_bucket(Bucket=unique)
    s3.put_bucket_tagging(Bucket=unique, Tagging={"TagSet": tags})
    bucket = f"arn:aws:s3:::{unique}"
    iam = server.client("iam")
    role = iam.create_role(
        RoleName=unique,
        AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}}',
        Tags=tags,
    )["Role"]["Arn"]

    mine = [{"Key": "project", "Values": [unique]}]
    paginator = tagging.get_paginator("get_resources")
    pages = list(paginator.paginate(TagFilters=mine, PaginationConfig={"PageSize": 3}))
    assert len(pages) == 2
    assert sorted(arn for page in pages for arn in arns(page)) == sorted([topic, queue, bucket, role])
    assert arns(tagging.get_resources(TagFilters=mine, ResourceTypeFilters=["sns", "s3:bucket"])) == [bucket, topic]
    assert arns(tagging.get_resources(TagFilters=[*mine, {"Key": "kind"}])) == [queue]
    assert arns(tagging.get_resources(ResourceARNList=[role, f"{topic}-none"])) == [role]
    assert arns(server.client("resourcegroupstaggingapi", "eu-west-1").get_resources(TagFilters=mine)) == []
    assert "project" in [key for page in tagging.get_paginator("get_tag_keys").paginate() for key in page["TagKeys"]]
    assert unique in [
        value for page in tagging.get_paginator("get_tag_values").paginate(Key="project") for value in page["TagValues"]
    ]

    failed = tagging.tag_resources(ResourceARNList=[bucket, queue, f"{topic}-none"], Tags={"stage": "test"})["FailedResourcesMap"]
    assert list(failed) == [f"{topic}-none"] and failed[f"{topic}-none"]["StatusCode"] == 400
    assert {"Key": "stage", "Value": "test"} in s3.get_bucket_tagging(Bucket=unique)["TagSet"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"]["stage"] == "test"
    assert tagging.untag_resources(ResourceARNList=[bucket], TagKeys=["stage"])["FailedResourcesMap"] == {}
    assert s3.get_bucket_tagging(Bucket=unique)["TagSet"] == tags
    sqs.delete_queue(QueueUrl=url)
    assert queue not in arns(tagging.get_resources(TagFilters=mine))


def test_what_is_not_there_is_refused_by_name(server):
    tagging = server.client("resourcegroupstaggingapi")
    with pytest.raises(tagging.exceptions.InvalidParameterException, match="IncludeComplianceDetails=true is not supported"):
        tagging.get_resources(IncludeComplianceDetails=True)
    with pytest.raises(tagging.exceptions.InvalidParameterException, match="ResourcesPerPage"):
        tagging.get_resources(ResourcesPerPage=1000)
    with pytest.raises(ClientError) as error:
        tagging.get_compliance_summary()
    assert error.value.response["Error"]["Code"] == "NotImplemented"
