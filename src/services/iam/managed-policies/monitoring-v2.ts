/** Metrics with the permissions of each service listed. */
import { allow, type AwsPolicy } from "./statements.ts";

export const monitoringV2Policies: readonly AwsPolicy[] = [
  {
    name: "CloudWatchFullAccessV2",
    asOf: "2026-06-08",
    about: "Everything in CloudWatch, and reading what it shows of other services.",
    statements: [
      allow({
        "application-autoscaling": "DescribeScalingPolicies",
        "application-signals": "*",
        autoscaling: "DescribeAutoScalingGroups DescribePolicies",
        cloudwatch: "*",
        iam: "GetPolicy GetPolicyVersion GetRole",
        logs: "*",
        oam: "ListSinks",
        observabilityadmin: [
          "CreateCentralizationRuleForOrganization CreateS3TableIntegration CreateTelemetryPipeline",
          "CreateTelemetryRule CreateTelemetryRuleForOrganization DeleteCentralizationRuleForOrganization",
          "DeleteS3TableIntegration DeleteTelemetryPipeline DeleteTelemetryRule",
          "DeleteTelemetryRuleForOrganization GetCentralizationRuleForOrganization GetS3TableIntegration",
          "GetTelemetryEnrichmentStatus GetTelemetryEvaluationStatus",
          "GetTelemetryEvaluationStatusForOrganization GetTelemetryPipeline GetTelemetryRule",
          "GetTelemetryRuleForOrganization ListCentralizationRulesForOrganization ListResourceTelemetry",
          "ListResourceTelemetryForOrganization ListS3TableIntegrations ListTagsForResource",
          "ListTelemetryPipelines ListTelemetryRules ListTelemetryRulesForOrganization StartTelemetryEnrichment",
          "StartTelemetryEvaluation StartTelemetryEvaluationForOrganization StopTelemetryEnrichment",
          "StopTelemetryEvaluation StopTelemetryEvaluationForOrganization TagResource TestTelemetryPipeline",
          "UntagResource UpdateCentralizationRuleForOrganization UpdateTelemetryPipeline UpdateTelemetryRule",
          "UpdateTelemetryRuleForOrganization ValidateTelemetryPipelineConfiguration",
        ],
        rum: "*",
        sns: "CreateTopic ListSubscriptions ListSubscriptionsByTopic ListTopics Subscribe",
        synthetics: "*",
        xray: "*",
      }),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/application-signals.cloudwatch.amazonaws.com/AWSServiceRoleForCloudWatchApplicationSignals",
        { StringLike: { "iam:AWSServiceName": "application-signals.cloudwatch.amazonaws.com" } },
      ),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/events.amazonaws.com/AWSServiceRoleForCloudWatchEvents*",
        { StringLike: { "iam:AWSServiceName": "events.amazonaws.com" } },
      ),
      allow({ oam: "ListAttachedLinks" }, "arn:aws:oam:*:*:sink/*"),
      allow(
        { cloudtrail: "CreateServiceLinkedChannel GetChannel" },
        "arn:aws:cloudtrail:*:*:channel/aws-service-channel/application-signals/*",
      ),
      allow({ cloudtrail: "ListChannels" }),
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
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/resource-explorer-2.amazonaws.com/AWSServiceRoleForResourceExplorer",
        { StringEquals: { "iam:AWSServiceName": "resource-explorer-2.amazonaws.com" } },
      ),
      allow({ "resource-explorer-2": "CreateIndex" }, "arn:aws:resource-explorer-2:*:*:index/*"),
      allow({ iam: "PassRole" }, "*", {
        ArnLike: { "iam:AssociatedResourceArn": "arn:aws:observabilityadmin:*:*:s3tableintegration/*" },
        StringEquals: { "iam:PassedToService": "logs.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "*", {
        ArnLike: { "iam:AssociatedResourceArn": "arn:aws:observabilityadmin:*:*:telemetry-pipeline/*" },
        StringEquals: {
          "iam:PassedToService": ["logs.amazonaws.com", "telemetry-pipelines.observabilityadmin.amazonaws.com"],
        },
      }),
      allow({ s3tables: "CreateTableBucket PutTableBucketEncryption" }, "arn:aws:s3tables:*:*:bucket/aws-cloudwatch", {
        "ForAnyValue:StringEquals": { "aws:CalledVia": "observabilityadmin.amazonaws.com" },
      }),
      allow({ s3tables: "PutTableBucketPolicy" }, "arn:aws:s3tables:*:*:bucket/aws-cloudwatch"),
      allow({ iam: "PassRole" }, "*", {
        ArnLike: { "iam:AssociatedResourceArn": "arn:aws:logs:*:*:scheduled-query:*" },
        StringEquals: { "iam:PassedToService": "logs.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "*", {
        ArnLike: { "iam:AssociatedResourceArn": "arn:aws:cloudwatch:*:*:alarm:*" },
        StringEquals: { "iam:PassedToService": "cloudwatch.amazonaws.com" },
      }),
    ],
  },
];
