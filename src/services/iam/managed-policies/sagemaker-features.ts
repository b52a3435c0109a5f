/** Single features of SageMaker. */
import { allow, type AwsPolicy } from "./statements.ts";

export const sagemakerFeaturesPolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonSageMakerPipelinesIntegrations",
    asOf: "2023-02-17",
    about: "What callback, Lambda and EMR steps of pipelines need.",
    statements: [
      allow({ lambda: "CreateFunction DeleteFunction GetFunction InvokeFunction UpdateFunctionCode" }, [
        "arn:aws:lambda:*:*:function:*SageMaker*",
        "arn:aws:lambda:*:*:function:*sageMaker*",
        "arn:aws:lambda:*:*:function:*sagemaker*",
      ]),
      allow({ sqs: "CreateQueue SendMessage" }, [
        "arn:aws:sqs:*:*:*SageMaker*",
        "arn:aws:sqs:*:*:*sageMaker*",
        "arn:aws:sqs:*:*:*sagemaker*",
      ]),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: {
          "iam:PassedToService": ["lambda.amazonaws.com", "elasticmapreduce.amazonaws.com", "ec2.amazonaws.com"],
        },
      }),
      allow({ events: "DescribeRule PutRule PutTargets" }, [
        "arn:aws:events:*:*:rule/SageMakerPipelineExecutionEMRClusterStatusUpdateRule",
        "arn:aws:events:*:*:rule/SageMakerPipelineExecutionEMRStepStatusUpdateRule",
      ]),
      allow(
        {
          elasticmapreduce:
            "AddJobFlowSteps CancelSteps DescribeCluster DescribeStep ListSteps RunJobFlow TerminateJobFlows",
        },
        "arn:aws:elasticmapreduce:*:*:cluster/*",
      ),
    ],
  },
  {
    name: "AmazonSageMakerModelRegistryFullAccess",
    asOf: "2024-06-06",
    about: "Model packages and their groups, from registration to deployment.",
    statements: [
      allow({
        sagemaker: [
          "DescribeAction DescribeInferenceRecommendationsJob DescribeModelPackage DescribeModelPackageGroup",
          "DescribePipeline DescribePipelineExecution GetSearchSuggestions ListArtifacts ListAssociations",
          "ListModelMetadata ListModelPackages Search",
        ],
      }),
      allow({
        sagemaker: [
          "AddTags CreateEndpoint CreateEndpointConfig CreateInferenceRecommendationsJob CreateModel",
          "CreateModelPackage CreateModelPackageGroup DeleteModelPackage DeleteModelPackageGroup DeleteTags",
          "UpdateModelPackage",
        ],
      }),
      allow({ s3: "GetObject" }, ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*Sagemaker*", "arn:aws:s3:::*sagemaker*"]),
      allow({ s3: "ListAllMyBuckets ListBucket" }),
      allow({ ecr: "BatchGetImage DescribeImages" }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "sagemaker.amazonaws.com" },
      }),
      allow({ tag: "GetResources" }),
      allow({ "resource-groups": "GetGroupQuery" }, "arn:aws:resource-groups:*:*:group/*"),
      allow({ "resource-groups": "ListGroupResources" }),
      allow({ "resource-groups": "CreateGroup Tag" }, "arn:aws:resource-groups:*:*:group/*", {
        "ForAnyValue:StringEquals": { "aws:TagKeys": "sagemaker:collection" },
      }),
      allow({ "resource-groups": "DeleteGroup" }, "arn:aws:resource-groups:*:*:group/*", {
        StringEquals: { "aws:ResourceTag/sagemaker:collection": "true" },
      }),
      allow({ kms: "CreateGrant Decrypt DescribeKey GenerateDataKey" }, "arn:aws:kms:*:*:key/*", {
        StringEquals: { "aws:ResourceTag/sagemaker": "true" },
        StringLike: { "kms:ViaService": "sagemaker.*.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AmazonSageMakerModelGovernanceUseAccess",
    asOf: "2024-06-04",
    about: "Model cards and the model dashboard.",
    statements: [
      allow({
        sagemaker: [
          "CreateModelCard CreateModelCardExportJob DeleteModelCard DescribeModelCard",
          "DescribeModelCardExportJob DescribeModelPackage DescribeModelPackageGroup ListModelCardExportJobs",
          "ListModelCardVersions ListModelCards ListMonitoringAlertHistory ListMonitoringAlerts",
          "ListMonitoringExecutions StartMonitoringSchedule StopMonitoringSchedule UpdateModelCard",
          "UpdateMonitoringAlert",
        ],
      }),
      allow({
        sagemaker: "AddTags DeleteTags DescribeModel DescribeTrainingJob ListModels ListTags ListTrainingJobs Search",
      }),
      allow({ kms: "ListAliases" }),
      allow({ s3: "CreateBucket GetBucketLocation GetObject PutObject" }, [
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ s3: "ListAllMyBuckets ListBucket" }),
    ],
  },
  {
    name: "AmazonSageMakerFeatureStoreAccess",
    asOf: "2022-12-05",
    about: "The offline store of feature groups in S3 and Glue.",
    statements: [
      allow({ s3: "GetBucketAcl PutObject PutObjectAcl" }, [
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ s3: "GetObject" }, [
        "arn:aws:s3:::*SageMaker*/metadata/*",
        "arn:aws:s3:::*Sagemaker*/metadata/*",
        "arn:aws:s3:::*sagemaker*/metadata/*",
      ]),
      allow({ glue: "GetTable UpdateTable" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/sagemaker_featurestore",
        "arn:aws:glue:*:*:table/sagemaker_featurestore/*",
      ]),
    ],
  },
  {
    name: "AmazonSageMakerGroundTruthExecution",
    asOf: "2022-04-29",
    about: "What labeling jobs need of Lambda, S3, CloudWatch and work forces.",
    statements: [
      allow({ lambda: "InvokeFunction" }, [
        "arn:aws:lambda:*:*:function:*GtRecipe*",
        "arn:aws:lambda:*:*:function:*LabelingFunction*",
        "arn:aws:lambda:*:*:function:*SageMaker*",
        "arn:aws:lambda:*:*:function:*Sagemaker*",
        "arn:aws:lambda:*:*:function:*sagemaker*",
      ]),
      allow({ s3: "AbortMultipartUpload GetObject PutObject" }, [
        "arn:aws:s3:::*GroundTruth*",
        "arn:aws:s3:::*Groundtruth*",
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*groundtruth*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ s3: "GetObject" }, "*", { StringEqualsIgnoreCase: { "s3:ExistingObjectTag/SageMaker": "true" } }),
      allow({ s3: "GetBucketLocation ListBucket" }),
      allow({ cloudwatch: "PutMetricData", logs: "CreateLogGroup CreateLogStream DescribeLogStreams PutLogEvents" }),
      allow(
        {
          sqs: [
            "CreateQueue DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
            "SetQueueAttributes",
          ],
        },
        "arn:aws:sqs:*:*:*GroundTruth*",
      ),
      allow(
        { sns: "Subscribe" },
        [
          "arn:aws:sns:*:*:*GroundTruth*",
          "arn:aws:sns:*:*:*Groundtruth*",
          "arn:aws:sns:*:*:*SageMaker*",
          "arn:aws:sns:*:*:*Sagemaker*",
          "arn:aws:sns:*:*:*groundTruth*",
          "arn:aws:sns:*:*:*groundtruth*",
          "arn:aws:sns:*:*:*sageMaker*",
          "arn:aws:sns:*:*:*sagemaker*",
        ],
        { StringEquals: { "sns:Protocol": "sqs" }, StringLike: { "sns:Endpoint": "arn:aws:sqs:*:*:*GroundTruth*" } },
      ),
      allow({ sns: "Publish" }, [
        "arn:aws:sns:*:*:*GroundTruth*",
        "arn:aws:sns:*:*:*Groundtruth*",
        "arn:aws:sns:*:*:*SageMaker*",
        "arn:aws:sns:*:*:*Sagemaker*",
        "arn:aws:sns:*:*:*groundTruth*",
        "arn:aws:sns:*:*:*groundtruth*",
        "arn:aws:sns:*:*:*sageMaker*",
        "arn:aws:sns:*:*:*sagemaker*",
      ]),
      allow({ sns: "Unsubscribe" }),
      allow({ ec2: "CreateVpcEndpoint DeleteVpcEndpoints DescribeVpcEndpoints" }, "*", {
        StringLikeIfExists: { "ec2:VpceServiceName": ["*sagemaker-task-resources*", "aws.sagemaker*labeling*"] },
      }),
    ],
  },
  {
    name: "AmazonSageMakerMechanicalTurkAccess",
    asOf: "2019-12-03",
    about: "Work forces of Mechanical Turk.",
    statements: [allow({ sagemaker: "*FlowDefinition *FlowDefinitions" })],
  },
  {
    name: "AmazonSageMakerEdgeDeviceFleetPolicy",
    path: "/service-role/",
    asOf: "2020-12-08",
    about: "What devices of an edge fleet need.",
    statements: [
      allow({ s3: "GetBucketLocation PutObject" }, [
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ sagemaker: "GetDeviceRegistration SendHeartbeat" }),
      allow(
        { iot: "CreateRoleAlias DescribeRoleAlias ListTagsForResource TagResource UpdateRoleAlias" },
        "arn:aws:iot:*:*:rolealias/SageMakerEdge*",
      ),
      allow({ iam: "GetRole" }, [
        "arn:aws:iam::*:role/*SageMaker*",
        "arn:aws:iam::*:role/*Sagemaker*",
        "arn:aws:iam::*:role/*sagemaker*",
      ]),
      allow(
        { iam: "PassRole" },
        ["arn:aws:iam::*:role/*SageMaker*", "arn:aws:iam::*:role/*Sagemaker*", "arn:aws:iam::*:role/*sagemaker*"],
        { StringEqualsIfExists: { "iam:PassedToService": ["iot.amazonaws.com", "credentials.iot.amazonaws.com"] } },
      ),
    ],
  },
  {
    name: "AmazonSageMakerTrainingPlanCreateAccess",
    asOf: "2026-02-12",
    about: "Training plans and the capacity they reserve.",
    statements: [
      allow({ sagemaker: "CreateReservedCapacity CreateTrainingPlan DescribeReservedCapacity" }, [
        "arn:aws:sagemaker:*:*:reserved-capacity/*",
        "arn:aws:sagemaker:*:*:training-plan/*",
      ]),
      allow(
        { sagemaker: "AddTags" },
        ["arn:aws:sagemaker:*:*:reserved-capacity/*", "arn:aws:sagemaker:*:*:training-plan/*"],
        { StringEquals: { "sagemaker:TaggingAction": ["CreateTrainingPlan", "CreateReservedCapacity"] } },
      ),
      allow({ sagemaker: "DescribeTrainingPlan" }, "arn:aws:sagemaker:*:*:training-plan/*"),
      allow({ sagemaker: "ListTrainingPlans SearchTrainingPlanOfferings" }),
      allow({ sagemaker: "ListUltraServersByReservedCapacity" }, "arn:aws:sagemaker:*:*:reserved-capacity/*"),
    ],
  },
  {
    name: "AmazonSageMakerClusterInstanceRolePolicy",
    asOf: "2023-11-29",
    about: "What instances of a HyperPod cluster need.",
    statements: [
      allow(
        { logs: "CreateLogStream DescribeLogStreams PutLogEvents" },
        "arn:aws:logs:*:*:log-group:/aws/sagemaker/Clusters/*:log-stream:*",
      ),
      allow({ logs: "CreateLogGroup" }, "arn:aws:logs:*:*:log-group:/aws/sagemaker/Clusters/*"),
      allow({ cloudwatch: "PutMetricData" }, "*", {
        StringEquals: { "cloudwatch:namespace": "/aws/sagemaker/Clusters" },
      }),
      allow({ s3: "GetObject ListBucket" }, "arn:aws:s3:::sagemaker-*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow({ ssmmessages: "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel" }),
    ],
  },
  {
    name: "AmazonSageMakerHyperPodServiceRolePolicy",
    path: "/aws-service-role/",
    asOf: "2024-09-06",
    about: "What HyperPod does for an account.",
    statements: [
      allow({ eks: "DescribeCluster" }, "*", { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } }),
      allow({ logs: "CreateLogGroup" }, "arn:aws:logs:*:*:log-group:/aws/sagemaker/Clusters/*", {
        StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" },
      }),
      allow(
        { logs: "CreateLogStream PutLogEvents" },
        "arn:aws:logs:*:*:log-group:/aws/sagemaker/Clusters/*:log-stream:*",
        { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
      ),
    ],
  },
  {
    name: "AWSApplicationAutoscalingSageMakerEndpointPolicy",
    path: "/aws-service-role/",
    asOf: "2023-11-13",
    about: "What scaling of endpoints does for an account.",
    statements: [
      allow({
        cloudwatch: "DescribeAlarms GetMetricData",
        sagemaker: [
          "DescribeEndpoint DescribeEndpointConfig DescribeInferenceComponent",
          "UpdateEndpointWeightsAndCapacities UpdateInferenceComponentRuntimeConfig",
        ],
      }),
      allow({ cloudwatch: "DeleteAlarms PutMetricAlarm" }, "arn:aws:cloudwatch:*:*:alarm:TargetTracking*"),
    ],
  },
  {
    name: "AmazonAugmentedAIFullAccess",
    asOf: "2019-12-03",
    about: "Human reviews: their flows, user interfaces and loops.",
    statements: [
      allow({ sagemaker: "*FlowDefinition *FlowDefinitions *HumanLoop *HumanLoops *HumanTaskUi *HumanTaskUis" }, "*", {
        StringEqualsIfExists: { "sagemaker:WorkteamType": ["private-crowd", "vendor-crowd"] },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "sagemaker.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AmazonAugmentedAIHumanLoopFullAccess",
    asOf: "2019-12-03",
    about: "Human loops.",
    statements: [allow({ sagemaker: "*HumanLoop *HumanLoops" })],
  },
  {
    name: "AmazonAugmentedAIIntegratedAPIAccess",
    asOf: "2020-04-22",
    about: "Human reviews together with Textract and Rekognition.",
    statements: [
      allow({ sagemaker: "*FlowDefinition *FlowDefinitions *HumanLoop *HumanLoops *HumanTaskUi *HumanTaskUis" }, "*", {
        StringEqualsIfExists: { "sagemaker:WorkteamType": ["private-crowd", "vendor-crowd"] },
      }),
      allow({ textract: "AnalyzeDocument" }),
      allow({ rekognition: "DetectModerationLabels" }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "sagemaker.amazonaws.com" },
      }),
    ],
  },
];
