/** Functions, workflows, APIs and stacks. */
import { allow, type AwsPolicy } from "./statements.ts";

export const serverlessPolicies: readonly AwsPolicy[] = [
  {
    name: "AWSLambdaBasicExecutionRole",
    path: "/service-role/",
    asOf: "2015-04-09",
    about: "What every function needs: writing its log.",
    statements: [allow({ logs: "CreateLogGroup CreateLogStream PutLogEvents" })],
  },
  {
    name: "AWSLambdaExecute",
    asOf: "2015-02-06",
    about: "A function that reads and writes objects and writes its log.",
    statements: [allow({ logs: "*" }, "arn:aws:logs:*:*:*"), allow({ s3: "GetObject PutObject" }, "arn:aws:s3:::*")],
  },
  {
    name: "AWSLambdaRole",
    path: "/service-role/",
    asOf: "2015-02-06",
    about: "Calling functions.",
    statements: [allow({ lambda: "InvokeFunction" })],
  },
  {
    name: "AWSLambdaVPCAccessExecutionRole",
    path: "/service-role/",
    asOf: "2024-01-05",
    about: "A function in a VPC: its network interfaces and its log.",
    statements: [
      allow({
        ec2: [
          "AssignPrivateIpAddresses CreateNetworkInterface DeleteNetworkInterface DescribeNetworkInterfaces",
          "DescribeSubnets UnassignPrivateIpAddresses",
        ],
        logs: "CreateLogGroup CreateLogStream PutLogEvents",
      }),
    ],
  },
  {
    name: "AWSLambdaSQSQueueExecutionRole",
    path: "/service-role/",
    asOf: "2018-06-14",
    about: "A function that is fed by a queue: its messages and its log.",
    statements: [
      allow({
        logs: "CreateLogGroup CreateLogStream PutLogEvents",
        sqs: "DeleteMessage GetQueueAttributes ReceiveMessage",
      }),
    ],
  },
  {
    name: "AWSLambda_FullAccess",
    asOf: "2026-02-12",
    about: "Everything in Lambda and what functions are made of.",
    statements: [
      allow({
        cloudformation: "DescribeStacks ListStackResources",
        cloudwatch: "GetMetricData ListMetrics",
        ec2: "DescribeSecurityGroups DescribeSubnets DescribeVpcs",
        iam: "GetPolicy GetPolicyVersion GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies ListRoles",
        kms: "DescribeKey ListAliases",
        lambda: "*",
        logs: "DescribeLogGroups",
        states: "DescribeStateMachine ListStateMachines",
        tag: "GetResources",
        xray: "BatchGetTraces GetTraceSummaries",
      }),
      allow({ iam: "PassRole" }, "*", { StringEquals: { "iam:PassedToService": "lambda.amazonaws.com" } }),
      allow(
        { logs: "DescribeLogStreams FilterLogEvents GetLogEvents StartLiveTail StopLiveTail" },
        "arn:aws:logs:*:*:log-group:/aws/lambda/*",
      ),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda",
        { StringEquals: { "iam:AWSServiceName": "lambda.amazonaws.com" } },
      ),
    ],
  },
  {
    name: "AWSLambda_ReadOnlyAccess",
    asOf: "2026-02-12",
    about: "Looking at everything in Lambda and what functions are made of.",
    statements: [
      allow({
        cloudformation: "DescribeStacks ListStackResources ListStacks",
        cloudwatch: "GetMetricData ListMetrics",
        ec2: "DescribeSecurityGroups DescribeSubnets DescribeVpcs",
        iam: "GetPolicy GetPolicyVersion GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies ListRoles",
        kms: "ListAliases",
        lambda: "Get* List*",
        logs: "DescribeLogGroups",
        states: "DescribeStateMachine ListStateMachines",
        tag: "GetResources",
        xray: "BatchGetTraces GetTraceSummaries",
      }),
      allow(
        {
          logs: [
            "DescribeLogStreams DescribeQueries FilterLogEvents GetLogEvents GetLogGroupFields GetLogRecord",
            "GetQueryResults StartLiveTail StartQuery StopLiveTail StopQuery",
          ],
        },
        "arn:aws:logs:*:*:log-group:/aws/lambda/*",
      ),
    ],
  },
  {
    name: "AWSStepFunctionsFullAccess",
    asOf: "2017-01-11",
    about: "Everything in Step Functions.",
    statements: [allow({ states: "*" })],
  },
  {
    name: "AWSStepFunctionsReadOnlyAccess",
    asOf: "2024-04-26",
    about: "Looking at everything in Step Functions.",
    statements: [
      allow({
        states: [
          "DescribeActivity DescribeExecution DescribeMapRun DescribeStateMachine DescribeStateMachineAlias",
          "DescribeStateMachineForExecution GetExecutionHistory ListActivities ListExecutions ListMapRuns",
          "ListStateMachineAliases ListStateMachineVersions ListStateMachines ListTagsForResource",
          "ValidateStateMachineDefinition",
        ],
      }),
    ],
  },
  {
    name: "AWSStepFunctionsConsoleFullAccess",
    asOf: "2017-01-12",
    about: "Everything in Step Functions and what its console uses.",
    statements: [
      allow({ states: "*" }),
      allow({ iam: "ListRoles" }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/service-role/StatesExecutionRole*"),
      allow({ lambda: "ListFunctions" }),
    ],
  },
  {
    name: "AWSCloudFormationFullAccess",
    asOf: "2019-07-26",
    about: "Everything in CloudFormation.",
    statements: [allow({ cloudformation: "*" })],
  },
  {
    name: "AWSCloudFormationReadOnlyAccess",
    asOf: "2026-02-12",
    about: "Looking at everything in CloudFormation.",
    statements: [
      allow({ cloudformation: "BatchDescribe* Describe* Detect* EstimateTemplateCost Get* List* ValidateTemplate" }),
    ],
  },
  {
    name: "AmazonAPIGatewayAdministrator",
    asOf: "2015-07-09",
    about: "Making and changing APIs.",
    statements: [allow({ apigateway: "*" }, "arn:aws:apigateway:*::/*")],
  },
  {
    name: "AmazonAPIGatewayInvokeFullAccess",
    asOf: "2018-12-18",
    about: "Calling every API.",
    statements: [allow({ "execute-api": "Invoke ManageConnections" }, "arn:aws:execute-api:*:*:*")],
  },
  {
    name: "AmazonAPIGatewayPushToCloudWatchLogs",
    path: "/service-role/",
    asOf: "2015-11-11",
    about: "What API Gateway needs to write logs.",
    statements: [
      allow({
        logs: [
          "CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents",
          "PutLogEvents",
        ],
      }),
    ],
  },
  {
    name: "AWSCodePipeline_FullAccess",
    asOf: "2024-03-14",
    about: "Everything in CodePipeline and what its console uses.",
    statements: [
      allow({
        cloudformation: "DescribeStacks ListChangeSets ListStacks",
        cloudtrail: "DescribeTrails",
        codebuild: "BatchGetProjects CreateProject ListCuratedEnvironmentImages ListProjects",
        codecommit: "GetReferences ListBranches ListRepositories",
        codedeploy: "BatchGetDeploymentGroups ListApplications ListDeploymentGroups",
        codepipeline: "*",
        "codestar-notifications": "ListEventTypes ListNotificationRules ListTagsforResource ListTargets",
        ec2: "DescribeSecurityGroups DescribeSubnets DescribeVpcs",
        ecr: "DescribeRepositories ListImages",
        ecs: "ListClusters ListServices",
        elasticbeanstalk: "DescribeApplications DescribeEnvironments",
        events: "DescribeRule ListRules ListTargetsByRule",
        iam: "GetRole ListRoles",
        lambda: "ListFunctions",
        opsworks: "DescribeApps DescribeLayers DescribeStacks",
        s3: "ListAllMyBuckets",
        sns: "ListTopics",
        states: "ListStateMachines",
      }),
      allow(
        {
          s3: [
            "CreateBucket GetBucketPolicy GetBucketVersioning GetObject GetObjectVersion ListBucket",
            "PutBucketPolicy",
          ],
        },
        "arn:aws:s3::*:codepipeline-*",
      ),
      allow(
        { cloudtrail: "CreateTrail GetEventSelectors PutEventSelectors StartLogging" },
        "arn:aws:cloudtrail:*:*:trail/codepipeline-source-trail",
      ),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/service-role/cwe-role-*", {
        StringEquals: { "iam:PassedToService": "events.amazonaws.com" },
      }),
      allow({ iam: "PassRole" }, "*", { StringEquals: { "iam:PassedToService": "codepipeline.amazonaws.com" } }),
      allow(
        { events: "DeleteRule DisableRule PutRule PutTargets RemoveTargets" },
        "arn:aws:events:*:*:rule/codepipeline-*",
      ),
      allow(
        {
          "codestar-notifications": [
            "CreateNotificationRule DeleteNotificationRule DescribeNotificationRule Subscribe Unsubscribe",
            "UpdateNotificationRule",
          ],
        },
        "*",
        { StringLike: { "codestar-notifications:NotificationsForResource": "arn:aws:codepipeline:*" } },
      ),
      allow({ sns: "CreateTopic SetTopicAttributes" }, "arn:aws:sns:*:*:codestar-notifications*"),
      allow({ chatbot: "DescribeSlackChannelConfigurations ListMicrosoftTeamsChannelConfigurations" }),
    ],
  },
  {
    name: "AWSCodeBuildDeveloperAccess",
    asOf: "2026-02-12",
    about: "Running builds, without projects being made or changed.",
    statements: [
      allow({
        cloudwatch: "GetMetricStatistics",
        codebuild: [
          "BatchGet* DescribeCodeCoverages DescribeTestCases GetResourcePolicy List* RetryBuild RetryBuildBatch",
          "StartBuild StartBuildBatch StopBuild StopBuildBatch",
        ],
        codecommit: "GetBranch GetCommit GetRepository ListBranches",
        events: "DescribeRule ListRuleNamesByTarget ListTargetsByRule",
        logs: "GetLogEvents",
        s3: "GetBucketLocation ListAllMyBuckets",
      }),
      allow({ ssm: "PutParameter" }, "arn:aws:ssm:*:*:parameter/CodeBuild/*"),
      allow({ ssm: "StartSession" }, "arn:aws:ecs:*:*:task/*/*"),
      allow({ ssmmessages: "OpenDataChannel" }, "arn:aws:ssm:*:*:session/*"),
      allow({ "codestar-connections": "GetConnection ListConnections" }, [
        "arn:aws:codeconnections:*:*:connection/*",
        "arn:aws:codestar-connections:*:*:connection/*",
      ]),
      allow(
        {
          "codestar-notifications":
            "CreateNotificationRule DescribeNotificationRule Subscribe Unsubscribe UpdateNotificationRule",
        },
        "*",
        { ArnLike: { "codestar-notifications:NotificationsForResource": "arn:aws:codebuild:*:*:project/*" } },
      ),
      allow({ "codestar-notifications": "ListEventTypes ListNotificationRules ListTagsforResource ListTargets" }),
      allow({ sns: "GetTopicAttributes ListTopics" }),
      allow({ chatbot: "DescribeSlackChannelConfigurations ListMicrosoftTeamsChannelConfigurations" }),
    ],
  },
  {
    name: "AWSCodeCommitPowerUser",
    asOf: "2026-02-12",
    about: "Everything in CodeCommit but the deletion of repositories.",
    statements: [
      allow({
        codecommit: [
          "AssociateApprovalRuleTemplateWithRepository BatchAssociateApprovalRuleTemplateWithRepositories",
          "BatchDescribe* BatchDisassociateApprovalRuleTemplateFromRepositories BatchGet* Create* DeleteBranch",
          "DeleteFile Describe* DisassociateApprovalRuleTemplateFromRepository EvaluatePullRequestApprovalRules",
          "Get* GitPull GitPush List* Merge* OverridePullRequestApprovalRules Post* Put* TagResource Test*",
          "UntagResource Update*",
        ],
      }),
      allow(
        { events: "DeleteRule DescribeRule DisableRule EnableRule ListTargetsByRule PutRule PutTargets RemoveTargets" },
        "arn:aws:events:*:*:rule/codecommit*",
      ),
      allow({ sns: "Subscribe Unsubscribe" }, "arn:aws:sns:*:*:codecommit*"),
      allow({ sns: "GetTopicAttributes ListSubscriptionsByTopic ListTopics" }),
      allow({ lambda: "ListFunctions" }),
      allow({ iam: "ListUsers" }),
      allow(
        { iam: "ListAccessKeys ListSSHPublicKeys ListServiceSpecificCredentials" },
        "arn:aws:iam::*:user/${aws:username}",
      ),
      allow(
        { iam: "DeleteSSHPublicKey GetSSHPublicKey ListSSHPublicKeys UpdateSSHPublicKey UploadSSHPublicKey" },
        "arn:aws:iam::*:user/${aws:username}",
      ),
      allow(
        {
          iam: [
            "CreateServiceSpecificCredential DeleteServiceSpecificCredential ResetServiceSpecificCredential",
            "UpdateServiceSpecificCredential",
          ],
        },
        "arn:aws:iam::*:user/${aws:username}",
      ),
      allow(
        {
          "codestar-notifications":
            "CreateNotificationRule DescribeNotificationRule Subscribe Unsubscribe UpdateNotificationRule",
        },
        "*",
        { ArnLike: { "codestar-notifications:NotificationsForResource": "arn:aws:codecommit:*:*:*" } },
      ),
      allow({ "codestar-notifications": "ListEventTypes ListNotificationRules ListTagsforResource ListTargets" }),
      allow({
        "codeguru-reviewer": [
          "AssociateRepository DescribeCodeReview DescribeRepositoryAssociation DisassociateRepository",
          "ListCodeReviews ListRepositoryAssociations",
        ],
      }),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/codeguru-reviewer.amazonaws.com/AWSServiceRoleForAmazonCodeGuruReviewer",
        { StringLike: { "iam:AWSServiceName": "codeguru-reviewer.amazonaws.com" } },
      ),
      allow({ events: "DeleteRule PutRule PutTargets RemoveTargets" }, "*", {
        StringEquals: { "events:ManagedBy": "codeguru-reviewer.amazonaws.com" },
      }),
      allow({ chatbot: "DescribeSlackChannelConfigurations ListMicrosoftTeamsChannelConfigurations" }),
      allow(
        { "codestar-connections": "GetConnection ListConnections" },
        "arn:aws:codestar-connections:*:*:connection/*",
      ),
    ],
  },
];
