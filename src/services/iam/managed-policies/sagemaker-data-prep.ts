/** Preparation of data in SageMaker Canvas. */
import { allow, type AwsPolicy } from "./statements.ts";

export const sagemakerDataPrepPolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonSageMakerCanvasDataPrepFullAccess",
    asOf: "2024-08-16",
    about: "Preparing data with Canvas, alone and in scheduled jobs.",
    statements: [
      allow({ sagemaker: "ListFeatureGroups" }),
      allow({ sagemaker: "CreateFeatureGroup DescribeFeatureGroup" }, "arn:aws:sagemaker:*:*:feature-group/*"),
      allow(
        { sagemaker: "AddTags CreateProcessingJob DescribeProcessingJob" },
        "arn:aws:sagemaker:*:*:processing-job/*canvas-data-prep*",
      ),
      allow({ sagemaker: "ListProcessingJobs" }),
      allow(
        {
          sagemaker: [
            "CreatePipeline DeletePipeline DescribePipeline DescribePipelineExecution ListPipelineExecutionSteps",
            "StartPipelineExecution UpdatePipeline",
          ],
        },
        "arn:aws:sagemaker:*:*:pipeline/*canvas-data-prep*",
      ),
      allow({ kms: "ListAliases" }),
      allow({ kms: "DescribeKey" }, "arn:aws:kms:*:*:key/*"),
      allow(
        { s3: "AbortMultipartUpload DeleteObject GetBucketCors GetBucketLocation GetObject PutObject" },
        ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"],
        { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
      ),
      allow({ s3: "GetObject" }, "arn:aws:s3:::*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
        StringEqualsIgnoreCase: { "s3:ExistingObjectTag/SageMaker": "true" },
      }),
      allow({ s3: "ListAllMyBuckets ListBucket" }),
      allow({ iam: "ListRoles" }),
      allow({ iam: "GetRole" }, "arn:aws:iam::*:role/*"),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": ["sagemaker.amazonaws.com", "events.amazonaws.com"] },
      }),
      allow({ events: "PutRule" }, "arn:aws:events:*:*:rule/*", {
        StringEquals: { "aws:RequestTag/sagemaker:is-canvas-data-prep-job": "true" },
      }),
      allow({ events: "DescribeRule PutTargets" }, "arn:aws:events:*:*:rule/*", {
        StringEquals: { "aws:ResourceTag/sagemaker:is-canvas-data-prep-job": "true" },
      }),
      allow({ events: "TagResource" }, "arn:aws:events:*:*:rule/*", {
        StringEquals: {
          "aws:RequestTag/sagemaker:is-canvas-data-prep-job": "true",
          "aws:ResourceTag/sagemaker:is-canvas-data-prep-job": "true",
        },
      }),
      allow({ events: "ListTagsForResource" }),
      allow({ glue: "GetDatabases GetTable GetTables SearchTables" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/*",
        "arn:aws:glue:*:*:table/*",
      ]),
      allow({ elasticmapreduce: "DescribeCluster ListInstanceGroups" }, "arn:aws:elasticmapreduce:*:*:cluster/*"),
      allow({ elasticmapreduce: "ListClusters" }),
      allow({ athena: "ListDataCatalogs" }),
      allow(
        { athena: "GetQueryExecution GetQueryResults StartQueryExecution StopQueryExecution" },
        "arn:aws:athena:*:*:workgroup/*",
      ),
      allow({ athena: "ListDatabases ListTableMetadata" }, "arn:aws:athena:*:*:datacatalog/*"),
      allow({ "redshift-data": "CancelStatement DescribeStatement GetStatementResult" }),
      allow({ "redshift-data": "ExecuteStatement ListSchemas ListTables" }, "arn:aws:redshift:*:*:cluster:*"),
      allow({ redshift: "GetClusterCredentials" }, [
        "arn:aws:redshift:*:*:dbname:*",
        "arn:aws:redshift:*:*:dbuser:*/sagemaker_access*",
      ]),
      allow({ secretsmanager: "CreateSecret" }, "arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*"),
      allow(
        { secretsmanager: "DescribeSecret GetSecretValue" },
        "arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*",
        { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}", "aws:ResourceTag/SageMaker": "true" } },
      ),
      allow({ rds: "DescribeDBInstances" }),
      allow(
        { logs: "CreateLogGroup CreateLogStream PutLogEvents" },
        "arn:aws:logs:*:*:log-group:/aws/sagemaker/studio:*",
      ),
      allow({ "emr-serverless": "CreateApplication" }, "arn:aws:emr-serverless:*:*:/*", {
        StringEquals: {
          "aws:RequestTag/sagemaker:is-canvas-resource": "True",
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
        },
      }),
      allow({ "emr-serverless": "ListApplications" }, "arn:aws:emr-serverless:*:*:/*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow({ "emr-serverless": "GetApplication UpdateApplication" }, "arn:aws:emr-serverless:*:*:/applications/*", {
        StringEquals: {
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
          "aws:ResourceTag/sagemaker:is-canvas-resource": "True",
        },
      }),
      allow({ "emr-serverless": "StartJobRun" }, "arn:aws:emr-serverless:*:*:/applications/*", {
        StringEquals: {
          "aws:RequestTag/sagemaker:is-canvas-resource": "True",
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
        },
      }),
      allow({ "emr-serverless": "ListJobRuns" }, "arn:aws:emr-serverless:*:*:/applications/*", {
        StringEquals: {
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
          "aws:ResourceTag/sagemaker:is-canvas-resource": "True",
        },
      }),
      allow({ "emr-serverless": "CancelJobRun GetJobRun" }, "arn:aws:emr-serverless:*:*:/applications/*/jobruns/*", {
        StringEquals: {
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
          "aws:ResourceTag/sagemaker:is-canvas-resource": "True",
        },
      }),
      allow({ "emr-serverless": "TagResource" }, "arn:aws:emr-serverless:*:*:/*", {
        StringEquals: {
          "aws:RequestTag/sagemaker:is-canvas-resource": "True",
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
        },
      }),
      allow(
        { iam: "PassRole" },
        [
          "arn:aws:iam::*:role/AmazonSageMakerCanvasEMRSExecutionAccess-*",
          "arn:aws:iam::*:role/service-role/AmazonSageMakerCanvasEMRSExecutionAccess-*",
        ],
        {
          StringEquals: {
            "aws:ResourceAccount": "${aws:PrincipalAccount}",
            "iam:PassedToService": "emr-serverless.amazonaws.com",
          },
        },
      ),
    ],
  },
];
