/** Objects and images of containers. */
import { allow, type AwsPolicy } from "./statements.ts";

export const storagePolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonS3FullAccess",
    asOf: "2021-09-27",
    about: "Everything in S3.",
    statements: [allow({ s3: "*", "s3-object-lambda": "*" })],
  },
  {
    name: "AmazonS3ReadOnlyAccess",
    asOf: "2023-08-10",
    about: "Reading everything in S3.",
    statements: [allow({ s3: "Describe* Get* List*", "s3-object-lambda": "Get* List*" })],
  },
  {
    name: "AmazonEC2ContainerRegistryFullAccess",
    asOf: "2020-12-05",
    about: "Everything in ECR.",
    statements: [
      allow({ cloudtrail: "LookupEvents", ecr: "*" }),
      allow({ iam: "CreateServiceLinkedRole" }, "*", {
        StringEquals: { "iam:AWSServiceName": "replication.ecr.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AmazonEC2ContainerRegistryPowerUser",
    asOf: "2019-12-10",
    about: "Pushing and pulling images, without repositories being made or deleted.",
    statements: [
      allow({
        ecr: [
          "BatchCheckLayerAvailability BatchGetImage CompleteLayerUpload DescribeImageScanFindings",
          "DescribeImages DescribeRepositories GetAuthorizationToken GetDownloadUrlForLayer GetLifecyclePolicy",
          "GetLifecyclePolicyPreview GetRepositoryPolicy InitiateLayerUpload ListImages ListTagsForResource",
          "PutImage UploadLayerPart",
        ],
      }),
    ],
  },
  {
    name: "AmazonEC2ContainerRegistryReadOnly",
    asOf: "2019-12-10",
    about: "Pulling images.",
    statements: [
      allow({
        ecr: [
          "BatchCheckLayerAvailability BatchGetImage DescribeImageScanFindings DescribeImages",
          "DescribeRepositories GetAuthorizationToken GetDownloadUrlForLayer GetLifecyclePolicy",
          "GetLifecyclePolicyPreview GetRepositoryPolicy ListImages ListTagsForResource",
        ],
      }),
    ],
  },
  {
    name: "AmazonDynamoDBFullAccess",
    asOf: "2021-01-29",
    about: "Everything in DynamoDB and what its console uses.",
    statements: [
      allow({
        "application-autoscaling": [
          "DeleteScalingPolicy DeregisterScalableTarget DescribeScalableTargets DescribeScalingActivities",
          "DescribeScalingPolicies PutScalingPolicy RegisterScalableTarget",
        ],
        cloudwatch: [
          "DeleteAlarms DescribeAlarmHistory DescribeAlarms DescribeAlarmsForMetric GetMetricData",
          "GetMetricStatistics ListMetrics PutMetricAlarm",
        ],
        datapipeline: [
          "ActivatePipeline CreatePipeline DeletePipeline DescribeObjects DescribePipelines",
          "GetPipelineDefinition ListPipelines PutPipelineDefinition QueryObjects",
        ],
        dax: "*",
        dynamodb: "*",
        ec2: "DescribeSecurityGroups DescribeSubnets DescribeVpcs",
        iam: "GetRole ListRoles",
        kinesis: "DescribeStream DescribeStreamSummary ListStreams",
        kms: "DescribeKey ListAliases",
        lambda: [
          "CreateEventSourceMapping CreateFunction DeleteEventSourceMapping DeleteFunction",
          "GetFunctionConfiguration ListEventSourceMappings ListFunctions",
        ],
        "resource-groups": "CreateGroup DeleteGroup GetGroup GetGroupQuery ListGroupResources ListGroups",
        sns: [
          "CreateTopic DeleteTopic ListSubscriptions ListSubscriptionsByTopic ListTopics SetTopicAttributes",
          "Subscribe Unsubscribe",
        ],
        tag: "GetResources",
      }),
      allow({ cloudwatch: "GetInsightRuleReport" }, "arn:aws:cloudwatch:*:*:insight-rule/DynamoDBContributorInsights*"),
      allow({ iam: "PassRole" }, "*", {
        StringLike: {
          "iam:PassedToService": [
            "application-autoscaling.amazonaws.com",
            "application-autoscaling.amazonaws.com.cn",
            "dax.amazonaws.com",
          ],
        },
      }),
      allow({ iam: "CreateServiceLinkedRole" }, "*", {
        StringEquals: {
          "iam:AWSServiceName": [
            "replication.dynamodb.amazonaws.com",
            "dax.amazonaws.com",
            "dynamodb.application-autoscaling.amazonaws.com",
            "contributorinsights.dynamodb.amazonaws.com",
            "kinesisreplication.dynamodb.amazonaws.com",
          ],
        },
      }),
    ],
  },
  {
    name: "AmazonDynamoDBReadOnlyAccess",
    asOf: "2024-11-18",
    about: "Reading everything in DynamoDB.",
    statements: [
      allow({
        "application-autoscaling": "DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies",
        cloudwatch: [
          "DescribeAlarmHistory DescribeAlarms DescribeAlarmsForMetric GetMetricData GetMetricStatistics",
          "ListMetrics",
        ],
        datapipeline: "DescribeObjects DescribePipelines GetPipelineDefinition ListPipelines QueryObjects",
        dax: "BatchGetItem Describe* GetItem List* Query Scan",
        dynamodb: "BatchGetItem Describe* GetAbacStatus GetItem GetResourcePolicy List* PartiQLSelect Query Scan",
        ec2: "DescribeSecurityGroups DescribeSubnets DescribeVpcs",
        iam: "GetRole ListRoles",
        kinesis: "DescribeStream DescribeStreamSummary ListStreams",
        kms: "DescribeKey ListAliases",
        lambda: "GetFunctionConfiguration ListEventSourceMappings ListFunctions",
        "resource-groups": "GetGroup GetGroupQuery ListGroupResources ListGroups",
        sns: "ListSubscriptionsByTopic ListTopics",
        tag: "GetResources",
      }),
      allow({ cloudwatch: "GetInsightRuleReport" }, "arn:aws:cloudwatch:*:*:insight-rule/DynamoDBContributorInsights*"),
    ],
  },
  {
    name: "AmazonKinesisFullAccess",
    asOf: "2015-02-06",
    about: "Everything in Kinesis Data Streams.",
    statements: [allow({ kinesis: "*" })],
  },
  {
    name: "AmazonKinesisFirehoseFullAccess",
    asOf: "2015-10-07",
    about: "Everything in Firehose.",
    statements: [allow({ firehose: "*" })],
  },
];
