/** Metrics, logs and events. */
import { allow, type AwsPolicy } from "./statements.ts";

export const monitoringPolicies: readonly AwsPolicy[] = [
  {
    name: "CloudWatchFullAccess",
    asOf: "2022-11-27",
    about: "Everything in CloudWatch and CloudWatch Logs.",
    statements: [
      allow({
        autoscaling: "Describe*",
        cloudwatch: "*",
        iam: "GetPolicy GetPolicyVersion GetRole",
        logs: "*",
        oam: "ListSinks",
        sns: "*",
      }),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/events.amazonaws.com/AWSServiceRoleForCloudWatchEvents*",
        { StringLike: { "iam:AWSServiceName": "events.amazonaws.com" } },
      ),
      allow({ oam: "ListAttachedLinks" }, "arn:aws:oam:*:*:sink/*"),
    ],
  },
  {
    name: "CloudWatchReadOnlyAccess",
    asOf: "2026-02-12",
    about: "Looking at everything in CloudWatch and CloudWatch Logs.",
    statements: [
      allow({
        "application-autoscaling": "DescribeScalingPolicies",
        "application-signals": "BatchGet* Get* List*",
        autoscaling: "Describe*",
        cloudtrail: "ListChannels",
        cloudwatch: "BatchGet* Describe* GenerateQuery Get* List*",
        logs: [
          "Describe* FilterLogEvents Get* List* StartLiveTail StartQuery StopLiveTail StopQuery",
          "TestMetricFilter",
        ],
        oam: "ListSinks",
        observabilityadmin: [
          "GetCentralizationRuleForOrganization GetS3TableIntegration GetTelemetryEnrichmentStatus",
          "GetTelemetryEvaluationStatus GetTelemetryEvaluationStatusForOrganization GetTelemetryPipeline",
          "GetTelemetryRule GetTelemetryRuleForOrganization ListCentralizationRulesForOrganization",
          "ListResourceTelemetry ListResourceTelemetryForOrganization ListS3TableIntegrations",
          "ListTagsForResource ListTelemetryPipelines ListTelemetryRules ListTelemetryRulesForOrganization",
          "TestTelemetryPipeline ValidateTelemetryPipelineConfiguration",
        ],
        rum: "BatchGet* Get* List*",
        sns: "Get* List*",
        synthetics: "Describe* Get* List*",
        xray: "BatchGet* CancelTraceRetrieval Get* List* StartTraceRetrieval",
      }),
      allow({ oam: "ListAttachedLinks" }, "arn:aws:oam:*:*:sink/*"),
      allow(
        { iam: "GetRole" },
        "arn:aws:iam::*:role/aws-service-role/application-signals.cloudwatch.amazonaws.com/AWSServiceRoleForCloudWatchApplicationSignals",
      ),
      allow({ cloudtrail: "GetChannel" }, "arn:aws:cloudtrail:*:*:channel/aws-service-channel/application-signals/*"),
      allow({ servicequotas: "GetServiceQuota" }, [
        "arn:aws:servicequotas:*:*:bedrock/*",
        "arn:aws:servicequotas:*:*:dynamodb/*",
        "arn:aws:servicequotas:*:*:ec2/*",
        "arn:aws:servicequotas:*:*:elasticloadbalancing/*",
        "arn:aws:servicequotas:*:*:fargate/*",
        "arn:aws:servicequotas:*:*:kinesis/*",
        "arn:aws:servicequotas:*:*:lambda/*",
        "arn:aws:servicequotas:*:*:s3/*",
        "arn:aws:servicequotas:*:*:sns/*",
      ]),
      allow({ "resource-explorer-2": "ListIndexes Search" }, [
        "arn:aws:resource-explorer-2:*::view/AWSServiceViewForApplicationSignals/service-view",
        "arn:aws:resource-explorer-2:*::view/AWSServiceViewForApplicationSignalsOrgScopeProd/service-view",
      ]),
    ],
  },
  {
    name: "CloudWatchLogsFullAccess",
    asOf: "2026-02-12",
    about: "Everything in CloudWatch Logs.",
    statements: [
      allow({
        cloudwatch: "GenerateQuery GenerateQueryResultsSummary",
        logs: "*",
        observabilityadmin: "GetS3TableIntegration ListS3TableIntegrations ListTelemetryPipelines",
      }),
    ],
  },
  {
    name: "CloudWatchLogsReadOnlyAccess",
    asOf: "2026-02-12",
    about: "Looking at everything in CloudWatch Logs.",
    statements: [
      allow({
        cloudwatch: "GenerateQuery GenerateQueryResultsSummary",
        logs: [
          "Describe* FilterLogEvents Get* List* StartLiveTail StartQuery StopLiveTail StopQuery",
          "TestMetricFilter",
        ],
        observabilityadmin: "GetS3TableIntegration ListS3TableIntegrations ListTelemetryPipelines",
      }),
    ],
  },
  {
    name: "CloudWatchAgentServerPolicy",
    asOf: "2024-02-06",
    about: "What the CloudWatch agent on a server needs.",
    statements: [
      allow({
        cloudwatch: "PutMetricData",
        ec2: "DescribeTags DescribeVolumes",
        logs: "CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams PutLogEvents PutRetentionPolicy",
        xray: [
          "GetSamplingRules GetSamplingStatisticSummaries GetSamplingTargets PutTelemetryRecords",
          "PutTraceSegments",
        ],
      }),
      allow({ ssm: "GetParameter" }, "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"),
    ],
  },
  {
    name: "CloudWatchEventsFullAccess",
    asOf: "2026-02-12",
    about: "Everything in CloudWatch Events.",
    statements: [
      allow({ events: "*", pipes: "*", scheduler: "*", schemas: "*" }),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/apidestinations.events.amazonaws.com/AWSServiceRoleForAmazonEventBridgeApiDestinations",
        { StringEquals: { "iam:AWSServiceName": "apidestinations.events.amazonaws.com" } },
      ),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/schemas.amazonaws.com/AWSServiceRoleForSchemas",
        { StringEquals: { "iam:AWSServiceName": "schemas.amazonaws.com" } },
      ),
      allow(
        { secretsmanager: "CreateSecret DeleteSecret GetSecretValue PutSecretValue UpdateSecret" },
        "arn:aws:secretsmanager:*:*:secret:events!*",
      ),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/AWS_Events_Invoke_Targets"),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "pipes.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AmazonEventBridgeFullAccess",
    asOf: "2026-02-12",
    about: "Everything in EventBridge.",
    statements: [
      allow({ events: "*", pipes: "*", scheduler: "*", schemas: "*" }),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/apidestinations.events.amazonaws.com/AWSServiceRoleForAmazonEventBridgeApiDestinations",
        { StringEquals: { "iam:AWSServiceName": "apidestinations.events.amazonaws.com" } },
      ),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/schemas.amazonaws.com/AWSServiceRoleForSchemas",
        { StringEquals: { "iam:AWSServiceName": "schemas.amazonaws.com" } },
      ),
      allow(
        { secretsmanager: "CreateSecret DeleteSecret GetSecretValue PutSecretValue UpdateSecret" },
        "arn:aws:secretsmanager:*:*:secret:events!*",
      ),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringLike: { "iam:PassedToService": "events.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringLike: { "iam:PassedToService": "scheduler.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringLike: { "iam:PassedToService": "pipes.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AmazonEventBridgeReadOnlyAccess",
    asOf: "2022-12-01",
    about: "Looking at everything in EventBridge.",
    statements: [
      allow({
        events: [
          "DescribeApiDestination DescribeArchive DescribeConnection DescribeEndpoint DescribeEventBus",
          "DescribeEventSource DescribeReplay DescribeRule ListApiDestinations ListArchives ListConnections",
          "ListEndpoints ListEventBuses ListEventSources ListReplays ListRuleNamesByTarget ListRules",
          "ListTargetsByRule TestEventPattern",
        ],
        pipes: "DescribePipe ListPipes ListTagsForResource",
        scheduler: "GetSchedule GetScheduleGroup ListScheduleGroups ListSchedules ListTagsForResource",
        schemas: [
          "DescribeCodeBinding DescribeDiscoverer DescribeRegistry DescribeSchema ExportSchema",
          "GetCodeBindingSource GetDiscoveredSchema GetResourcePolicy ListDiscoverers ListRegistries",
          "ListSchemaVersions ListSchemas ListTagsForResource SearchSchemas",
        ],
      }),
    ],
  },
  {
    name: "AmazonSNSFullAccess",
    asOf: "2024-09-24",
    about: "Everything in SNS.",
    statements: [
      allow({ sns: "*" }),
      allow(
        {
          "sms-voice": [
            "CreateVerifiedDestinationNumber DeleteOptedOutNumber DeleteVerifiedDestinationNumber",
            "DescribeAccountAttributes DescribeOptedOutNumbers DescribePhoneNumbers DescribeSpendLimits",
            "DescribeVerifiedDestinationNumbers SendDestinationNumberVerificationCode SendTextMessage",
            "SetTextMessageSpendLimitOverride VerifyDestinationNumber",
          ],
        },
        "*",
        { StringEquals: { "aws:CalledViaLast": "sns.amazonaws.com" } },
      ),
    ],
  },
  {
    name: "AmazonSNSReadOnlyAccess",
    asOf: "2024-09-24",
    about: "Looking at everything in SNS.",
    statements: [
      allow({
        sns: [
          "CheckIfPhoneNumberIsOptedOut GetDataProtectionPolicy GetEndpointAttributes",
          "GetPlatformApplicationAttributes GetSMSAttributes GetSMSSandboxAccountStatus",
          "GetSubscriptionAttributes GetTopicAttributes List*",
        ],
      }),
      allow(
        {
          "sms-voice": [
            "DescribeAccountAttributes DescribeOptedOutNumbers DescribePhoneNumbers DescribeSpendLimits",
            "DescribeVerifiedDestinationNumbers",
          ],
        },
        "*",
        { StringEquals: { "aws:CalledViaLast": "sns.amazonaws.com" } },
      ),
    ],
  },
  {
    name: "AmazonSQSFullAccess",
    asOf: "2015-02-06",
    about: "Everything in SQS.",
    statements: [allow({ sqs: "*" })],
  },
  {
    name: "AmazonSQSReadOnlyAccess",
    asOf: "2024-05-24",
    about: "Looking at everything in SQS, and receiving nothing.",
    statements: [
      allow({
        sqs: [
          "GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues ListMessageMoveTasks ListQueueTags",
          "ListQueues",
        ],
      }),
    ],
  },
];
