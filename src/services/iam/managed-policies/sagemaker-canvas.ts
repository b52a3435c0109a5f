/** SageMaker Canvas, and what SageMaker does for its notebooks. */
import { allow, type AwsPolicy } from "./statements.ts";

export const sagemakerCanvasPolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonSageMakerCanvasFullAccess",
    asOf: "2024-08-16",
    about: "Everything that Canvas does, in SageMaker and in the services it reads from.",
    statements: [
      allow({
        sagemaker: "DescribeDomain DescribeUserProfile ListEndpoints ListModelPackageGroups ListModelPackages ListTags",
      }),
      allow(
        { sagemaker: "CreateModelPackage CreateModelPackageGroup DescribeModelPackage DescribeModelPackageGroup" },
        ["arn:aws:sagemaker:*:*:model-package-group/*", "arn:aws:sagemaker:*:*:model-package/*"],
      ),
      allow(
        {
          sagemaker: [
            "AddTags CreateAutoMLJob CreateAutoMLJobV2 CreateCompilationJob CreateEndpoint CreateEndpointConfig",
            "CreateModel CreateProcessingJob CreateTrainingJob CreateTransformJob DeleteApp DeleteEndpoint",
            "DescribeAutoMLJob DescribeAutoMLJobV2 DescribeCompilationJob DescribeEndpoint DescribeEndpointConfig",
            "DescribeModel DescribeProcessingJob DescribeTrainingJob DescribeTransformJob",
            "ListCandidatesForAutoMLJob StopAutoMLJob StopTrainingJob StopTransformJob",
          ],
        },
        [
          "arn:aws:sagemaker:*:*:*Canvas*",
          "arn:aws:sagemaker:*:*:*canvas*",
          "arn:aws:sagemaker:*:*:*model-compilation-*",
        ],
      ),
      allow(
        {
          sagemaker: [
            "DeleteEndpointConfig DeleteModel InvokeEndpoint InvokeEndpointAsync",
            "UpdateEndpointWeightsAndCapacities",
          ],
        },
        ["arn:aws:sagemaker:*:*:*Canvas*", "arn:aws:sagemaker:*:*:*canvas*"],
      ),
      allow({
        ec2: [
          "CreateVpcEndpoint DescribeSecurityGroups DescribeSubnets DescribeVpcEndpointServices",
          "DescribeVpcEndpoints DescribeVpcs",
        ],
      }),
      allow({ ecr: "BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer" }),
      allow({ iam: "GetRole" }, "arn:aws:iam::*:role/*"),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "sagemaker.amazonaws.com" },
      }),
      allow({ logs: "CreateLogGroup CreateLogStream PutLogEvents" }, "arn:aws:logs:*:*:log-group:/aws/sagemaker/*"),
      allow({ s3: "CreateBucket DeleteObject GetBucketCors GetBucketLocation GetObject PutObject" }, [
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ s3: "GetObject" }, [
        "arn:aws:s3:::jumpstart-cache-prod-ap-northeast-1/*",
        "arn:aws:s3:::jumpstart-cache-prod-ap-northeast-2/*",
        "arn:aws:s3:::jumpstart-cache-prod-ap-south-1/*",
        "arn:aws:s3:::jumpstart-cache-prod-ap-southeast-1/*",
        "arn:aws:s3:::jumpstart-cache-prod-ap-southeast-2/*",
        "arn:aws:s3:::jumpstart-cache-prod-eu-central-1/*",
        "arn:aws:s3:::jumpstart-cache-prod-eu-west-1/*",
        "arn:aws:s3:::jumpstart-cache-prod-us-east-1/*",
        "arn:aws:s3:::jumpstart-cache-prod-us-east-2/*",
        "arn:aws:s3:::jumpstart-cache-prod-us-west-2/*",
      ]),
      allow({ s3: "ListAllMyBuckets ListBucket" }),
      allow({ glue: "SearchTables" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/*",
        "arn:aws:glue:*:*:table/*/*",
      ]),
      allow(
        { secretsmanager: "CreateSecret DescribeSecret GetSecretValue PutResourcePolicy" },
        "arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*",
      ),
      allow({ secretsmanager: "DescribeSecret GetSecretValue" }, "*", {
        StringEquals: { "secretsmanager:ResourceTag/SageMaker": "true" },
      }),
      allow({
        "redshift-data": [
          "CancelStatement DescribeStatement DescribeTable ExecuteStatement GetStatementResult ListSchemas",
          "ListTables",
        ],
      }),
      allow({ redshift: "GetClusterCredentials" }, [
        "arn:aws:redshift:*:*:dbname:*",
        "arn:aws:redshift:*:*:dbuser:*/sagemaker_access*",
      ]),
      allow(
        {
          forecast: [
            "CreateAutoPredictor CreateDataset CreateDatasetGroup CreateDatasetImportJob CreateExplainability",
            "CreateExplainabilityExport CreateForecast CreateForecastEndpoint CreateForecastExportJob",
            "CreatePredictor CreatePredictorBacktestExportJob DeleteResourceTree DescribeAutoPredictor",
            "DescribeDataset DescribeDatasetImportJob DescribeExplainability DescribeExplainabilityExport",
            "DescribeForecast DescribeForecastEndpoint DescribeForecastExportJob DescribePredictor",
            "DescribePredictorBacktestExportJob GetAccuracyMetrics GetRecentForecastContext",
            "InvokeForecastEndpoint TagResource",
          ],
        },
        "arn:aws:forecast:*:*:*Canvas*",
      ),
      allow({ rds: "DescribeDBInstances" }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "forecast.amazonaws.com" },
      }),
      allow(
        { "application-autoscaling": "PutScalingPolicy RegisterScalableTarget" },
        "arn:aws:application-autoscaling:*:*:scalable-target/*",
        {
          StringEquals: {
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
            "application-autoscaling:service-namespace": "sagemaker",
          },
        },
      ),
      allow({ cloudwatch: "DescribeAlarms", sagemaker: "DescribeEndpointConfig" }),
      allow({ "application-autoscaling": "DescribeScalingActivities" }, "*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow({ cloudwatch: "DeleteAlarms PutMetricAlarm" }, "arn:aws:cloudwatch:*:*:alarm:TargetTracking*", {
        StringEquals: { "aws:CalledViaLast": "application-autoscaling.amazonaws.com" },
      }),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        { StringLike: { "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com" } },
      ),
      allow({ athena: "ListDataCatalogs ListDatabases ListTableMetadata" }, "*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow(
        { glue: "GetDatabases GetPartitions GetTables" },
        ["arn:aws:glue:*:*:catalog", "arn:aws:glue:*:*:database/*", "arn:aws:glue:*:*:table/*"],
        { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
      ),
      allow({ quicksight: "ListNamespaces" }, "*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow({ kms: "DescribeKey" }, "*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}", "aws:ResourceTag/Source": "SageMakerCanvas" },
      }),
      allow({ "emr-serverless": "CreateApplication" }, "arn:aws:emr-serverless:*:*:/*", {
        StringEquals: {
          "aws:RequestTag/sagemaker:is-canvas-resource": "True",
          "aws:ResourceAccount": "${aws:PrincipalAccount}",
        },
      }),
      allow({ "emr-serverless": "ListApplications" }, "arn:aws:emr-serverless:*:*:/*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow(
        { "emr-serverless": "GetApplication StartApplication StopApplication UpdateApplication" },
        "arn:aws:emr-serverless:*:*:/applications/*",
        {
          StringEquals: {
            "aws:ResourceAccount": "${aws:PrincipalAccount}",
            "aws:ResourceTag/sagemaker:is-canvas-resource": "True",
          },
        },
      ),
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
  {
    name: "AmazonSageMakerCanvasAIServicesAccess",
    asOf: "2023-11-29",
    about: "The ready-made models that Canvas offers.",
    statements: [
      allow({
        textract: [
          "AnalyzeDocument AnalyzeExpense AnalyzeID GetDocumentAnalysis GetExpenseAnalysis",
          "StartDocumentAnalysis StartExpenseAnalysis",
        ],
      }),
      allow({ rekognition: "DetectLabels DetectText" }),
      allow({
        comprehend: [
          "BatchDetectDominantLanguage BatchDetectEntities BatchDetectSentiment DetectDominantLanguage",
          "DetectEntities DetectPiiEntities DetectSentiment",
        ],
      }),
      allow({ bedrock: "InvokeModel InvokeModelWithResponseStream ListFoundationModels" }),
      allow(
        { bedrock: "CreateModelCustomizationJob CreateProvisionedModelThroughput TagResource" },
        [
          "arn:aws:bedrock:*:*:custom-model/*",
          "arn:aws:bedrock:*:*:model-customization-job/*",
          "arn:aws:bedrock:*:*:provisioned-model/*",
        ],
        {
          "ForAnyValue:StringEquals": { "aws:TagKeys": ["SageMaker", "Canvas"] },
          StringEquals: {
            "aws:RequestTag/Canvas": "true",
            "aws:RequestTag/SageMaker": "true",
            "aws:ResourceTag/Canvas": "true",
            "aws:ResourceTag/SageMaker": "true",
          },
        },
      ),
      allow(
        {
          bedrock: [
            "DeleteProvisionedModelThroughput GetCustomModel GetModelCustomizationJob",
            "GetProvisionedModelThroughput StopModelCustomizationJob",
          ],
        },
        [
          "arn:aws:bedrock:*:*:custom-model/*",
          "arn:aws:bedrock:*:*:model-customization-job/*",
          "arn:aws:bedrock:*:*:provisioned-model/*",
        ],
        { StringEquals: { "aws:ResourceTag/Canvas": "true", "aws:ResourceTag/SageMaker": "true" } },
      ),
      allow({ bedrock: "CreateModelCustomizationJob" }, "arn:aws:bedrock:*::foundation-model/*"),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "bedrock.amazonaws.com" },
      }),
    ],
  },
];
