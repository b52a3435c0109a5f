/** SageMaker: everything, and looking at everything. */
import { allow, except, type AwsPolicy } from "./statements.ts";

export const sagemakerPolicies: readonly AwsPolicy[] = [
  {
    name: "AmazonSageMakerFullAccess",
    asOf: "2026-02-12",
    about: "Everything in SageMaker but its domains, and what its jobs, endpoints and notebooks use in other services.",
    statements: [
      allow(
        { sagemaker: "*", "sagemaker-geospatial": "*" },
        except([
          "arn:aws:sagemaker:*:*:app/*",
          "arn:aws:sagemaker:*:*:domain/*",
          "arn:aws:sagemaker:*:*:flow-definition/*",
          "arn:aws:sagemaker:*:*:partner-app/*",
          "arn:aws:sagemaker:*:*:reserved-capacity/*",
          "arn:aws:sagemaker:*:*:space/*",
          "arn:aws:sagemaker:*:*:training-plan/*",
          "arn:aws:sagemaker:*:*:user-profile/*",
        ]),
      ),
      allow({ sagemaker: "AddTags" }, "arn:aws:sagemaker:*:*:space/*", {
        StringEquals: { "sagemaker:TaggingAction": "CreateSpace" },
      }),
      allow({ sagemaker: "AddTags" }, "arn:aws:sagemaker:*:*:app/*"),
      allow({ sagemaker: "CreateCluster CreateTrainingJob DescribeTrainingPlan UpdateCluster" }, [
        "arn:aws:sagemaker:*:*:reserved-capacity/*",
        "arn:aws:sagemaker:*:*:training-plan/*",
      ]),
      allow({
        sagemaker: [
          "CreatePresignedDomainUrl DescribeApp DescribeDomain DescribeSpace DescribeUserProfile ListApps",
          "ListDomains ListSpaces ListUserProfiles",
        ],
      }),
      allow({ sagemaker: "CreateApp DeleteApp" }, "arn:aws:sagemaker:*:*:app/*/*/*/*", {
        Null: { "sagemaker:OwnerUserProfileArn": "true" },
      }),
      allow({ sagemaker: "CreateApp DeleteApp" }, "arn:aws:sagemaker:*:*:app/${sagemaker:DomainId}/*/*/*", {
        StringEquals: { "sagemaker:SpaceSharingType": "Shared" },
      }),
      allow(
        { sagemaker: "CreateSpace DeleteSpace UpdateSpace" },
        "arn:aws:sagemaker:*:*:space/${sagemaker:DomainId}/*",
        { Null: { "sagemaker:OwnerUserProfileArn": "true" } },
      ),
      allow(
        { sagemaker: "CreateSpace DeleteSpace UpdateSpace" },
        "arn:aws:sagemaker:*:*:space/${sagemaker:DomainId}/*",
        {
          ArnLike: {
            "sagemaker:OwnerUserProfileArn":
              "arn:aws:sagemaker:*:*:user-profile/${sagemaker:DomainId}/${sagemaker:UserProfileName}",
          },
          StringEquals: { "sagemaker:SpaceSharingType": ["Private", "Shared"] },
        },
      ),
      allow({ sagemaker: "CreateApp DeleteApp" }, "arn:aws:sagemaker:*:*:app/${sagemaker:DomainId}/*/*/*", {
        ArnLike: {
          "sagemaker:OwnerUserProfileArn":
            "arn:aws:sagemaker:*:*:user-profile/${sagemaker:DomainId}/${sagemaker:UserProfileName}",
        },
        StringEquals: { "sagemaker:SpaceSharingType": "Private" },
      }),
      allow({ sagemaker: "*" }, "arn:aws:sagemaker:*:*:flow-definition/*", {
        StringEqualsIfExists: { "sagemaker:WorkteamType": ["private-crowd", "vendor-crowd"] },
      }),
      allow({
        "application-autoscaling": [
          "DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget DescribeScalableTargets",
          "DescribeScalingActivities DescribeScalingPolicies DescribeScheduledActions PutScalingPolicy",
          "PutScheduledAction RegisterScalableTarget",
        ],
        "aws-marketplace": "ViewSubscriptions",
        cloudformation: "GetTemplateSummary",
        cloudwatch: [
          "DeleteAlarms DescribeAlarms GetMetricData GetMetricStatistics ListMetrics PutMetricAlarm",
          "PutMetricData",
        ],
        codecommit: "BatchGetRepositories CreateRepository GetRepository List*",
        "cognito-idp": [
          "AdminAddUserToGroup AdminCreateUser AdminDeleteUser AdminDisableUser AdminEnableUser",
          "AdminRemoveUserFromGroup CreateGroup CreateUserPool CreateUserPoolClient CreateUserPoolDomain",
          "DescribeUserPool DescribeUserPoolClient List* UpdateUserPool UpdateUserPoolClient",
        ],
        ec2: [
          "CreateNetworkInterface CreateNetworkInterfacePermission CreateVpcEndpoint DeleteNetworkInterface",
          "DeleteNetworkInterfacePermission DescribeDhcpOptions DescribeNetworkInterfaces DescribeRouteTables",
          "DescribeSecurityGroups DescribeSubnets DescribeVpcEndpoints DescribeVpcs",
        ],
        ecr: [
          "BatchCheckLayerAvailability BatchGetImage CreateRepository Describe* GetAuthorizationToken",
          "GetDownloadUrlForLayer StartImageScan",
        ],
        "elastic-inference": "Connect",
        elasticfilesystem: "DescribeFileSystems DescribeMountTargets",
        fsx: "DescribeFileSystems",
        glue: [
          "CreateJob DeleteJob GetJob* GetTable* GetWorkflowRun ResetJobBookmark StartJobRun StartWorkflowRun",
          "UpdateJob",
        ],
        groundtruthlabeling: "*",
        iam: "ListRoles",
        kms: "DescribeKey ListAliases",
        lambda: "ListFunctions",
        logs: [
          "CreateLogDelivery CreateLogGroup CreateLogStream DeleteLogDelivery Describe* GetLogDelivery",
          "GetLogEvents ListLogDeliveries PutLogEvents PutResourcePolicy UpdateLogDelivery",
        ],
        robomaker: [
          "CancelSimulationJob CreateSimulationApplication CreateSimulationJob DeleteSimulationApplication",
          "DescribeSimulationApplication DescribeSimulationJob",
        ],
        secretsmanager: "ListSecrets",
        servicecatalog: "Describe* List* ScanProvisionedProducts SearchProducts SearchProvisionedProducts",
        sns: "ListTopics",
        tag: "GetResources",
      }),
      allow(
        {
          ecr: [
            "BatchDeleteImage CompleteLayerUpload DeleteRepository DeleteRepositoryPolicy InitiateLayerUpload",
            "PutImage SetRepositoryPolicy UploadLayerPart",
          ],
        },
        "arn:aws:ecr:*:*:repository/*sagemaker*",
      ),
      allow({ codecommit: "GitPull GitPush" }, [
        "arn:aws:codecommit:*:*:*SageMaker*",
        "arn:aws:codecommit:*:*:*Sagemaker*",
        "arn:aws:codecommit:*:*:*sagemaker*",
      ]),
      allow({ codebuild: "BatchGetBuilds StartBuild" }, [
        "arn:aws:codebuild:*:*:build/*",
        "arn:aws:codebuild:*:*:project/sagemaker*",
      ]),
      allow({ states: "DescribeExecution GetExecutionHistory StartExecution StopExecution UpdateStateMachine" }, [
        "arn:aws:states:*:*:execution:*sagemaker*:*",
        "arn:aws:states:*:*:statemachine:*sagemaker*",
      ]),
      allow(
        { secretsmanager: "CreateSecret DescribeSecret GetSecretValue" },
        "arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*",
      ),
      allow({ secretsmanager: "DescribeSecret GetSecretValue" }, "*", {
        StringEquals: { "secretsmanager:ResourceTag/SageMaker": "true" },
      }),
      allow({ servicecatalog: "ProvisionProduct" }),
      allow({ servicecatalog: "TerminateProvisionedProduct UpdateProvisionedProduct" }, "*", {
        StringEquals: { "servicecatalog:userLevel": "self" },
      }),
      allow({ s3: "AbortMultipartUpload DeleteObject GetObject PutObject" }, [
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*aws-glue*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ s3: "GetObject" }, "arn:aws:s3:::*", {
        StringEqualsIgnoreCase: { "s3:ExistingObjectTag/SageMaker": "true" },
      }),
      allow({ s3: "GetObject" }, "arn:aws:s3:::*", {
        StringEquals: { "s3:ExistingObjectTag/servicecatalog:provisioning": "true" },
      }),
      allow({ s3: "CreateBucket GetBucketCors GetBucketLocation ListAllMyBuckets ListBucket PutBucketCors" }),
      allow({ s3: "GetBucketAcl PutObjectAcl" }, [
        "arn:aws:s3:::*SageMaker*",
        "arn:aws:s3:::*Sagemaker*",
        "arn:aws:s3:::*sagemaker*",
      ]),
      allow({ lambda: "InvokeFunction" }, [
        "arn:aws:lambda:*:*:function:*LabelingFunction*",
        "arn:aws:lambda:*:*:function:*SageMaker*",
        "arn:aws:lambda:*:*:function:*Sagemaker*",
        "arn:aws:lambda:*:*:function:*sagemaker*",
      ]),
      allow(
        { iam: "CreateServiceLinkedRole" },
        "arn:aws:iam::*:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        { StringLike: { "iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com" } },
      ),
      allow({ iam: "CreateServiceLinkedRole" }, "*", {
        StringEquals: { "iam:AWSServiceName": "robomaker.amazonaws.com" },
      }),
      allow({ sns: "CreateTopic Publish Subscribe" }, [
        "arn:aws:sns:*:*:*SageMaker*",
        "arn:aws:sns:*:*:*Sagemaker*",
        "arn:aws:sns:*:*:*sagemaker*",
      ]),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*AmazonSageMaker*", {
        StringEquals: {
          "iam:PassedToService": ["glue.amazonaws.com", "robomaker.amazonaws.com", "states.amazonaws.com"],
        },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*", {
        StringEquals: { "iam:PassedToService": "sagemaker.amazonaws.com" },
      }),
      allow({
        athena: [
          "GetQueryExecution GetQueryResults ListDataCatalogs ListDatabases ListTableMetadata",
          "StartQueryExecution StopQueryExecution",
        ],
      }),
      allow({ glue: "CreateTable" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/*",
        "arn:aws:glue:*:*:table/*/sagemaker_tmp_*",
        "arn:aws:glue:*:*:table/sagemaker_featurestore/*",
      ]),
      allow({ glue: "UpdateTable" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/sagemaker_featurestore",
        "arn:aws:glue:*:*:table/sagemaker_featurestore/*",
      ]),
      allow({ glue: "DeleteTable" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/*",
        "arn:aws:glue:*:*:table/*/sagemaker_tmp_*",
      ]),
      allow({ glue: "GetDatabases GetTable GetTables" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/*",
        "arn:aws:glue:*:*:table/*",
      ]),
      allow({ glue: "CreateDatabase GetDatabase" }, [
        "arn:aws:glue:*:*:catalog",
        "arn:aws:glue:*:*:database/default",
        "arn:aws:glue:*:*:database/sagemaker_data_wrangler",
        "arn:aws:glue:*:*:database/sagemaker_featurestore",
        "arn:aws:glue:*:*:database/sagemaker_processing",
      ]),
      allow({
        "redshift-data": "CancelStatement DescribeStatement ExecuteStatement GetStatementResult ListSchemas ListTables",
      }),
      allow({ redshift: "GetClusterCredentials" }, [
        "arn:aws:redshift:*:*:dbname:*",
        "arn:aws:redshift:*:*:dbuser:*/sagemaker_access*",
      ]),
      allow({ sagemaker: "ListTags" }, "arn:aws:sagemaker:*:*:user-profile/*"),
      allow({ cloudformation: "ListStackResources" }, "arn:aws:cloudformation:*:*:stack/SC-*"),
      allow(
        { s3express: "CreateSession" },
        [
          "arn:aws:s3express:*:*:bucket/*SageMaker*",
          "arn:aws:s3express:*:*:bucket/*Sagemaker*",
          "arn:aws:s3express:*:*:bucket/*aws-glue*",
          "arn:aws:s3express:*:*:bucket/*sagemaker*",
        ],
        { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
      ),
      allow(
        { s3express: "CreateBucket" },
        [
          "arn:aws:s3express:*:*:bucket/*SageMaker*",
          "arn:aws:s3express:*:*:bucket/*Sagemaker*",
          "arn:aws:s3express:*:*:bucket/*sagemaker*",
        ],
        { StringEquals: { "aws:ResourceAccount": "${aws:PrincipalAccount}" } },
      ),
      allow({ s3express: "ListAllMyDirectoryBuckets" }),
    ],
  },
  {
    name: "AmazonSageMakerReadOnly",
    asOf: "2021-12-01",
    about: "Looking at everything in SageMaker.",
    statements: [
      allow({
        sagemaker: [
          "BatchDescribeModelPackage BatchGetMetrics BatchGetRecord Describe* GetDeviceFleetReport",
          "GetDeviceRegistration GetLineageGroupPolicy GetModelPackageGroupPolicy GetRecord",
          "GetSearchSuggestions List* QueryLineage Search",
        ],
      }),
      allow({
        "application-autoscaling":
          "DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies DescribeScheduledActions",
        "aws-marketplace": "ViewSubscriptions",
        cloudwatch: "DescribeAlarms",
        "cognito-idp": [
          "DescribeUserPool DescribeUserPoolClient ListGroups ListIdentityProviders ListUserPoolClients",
          "ListUserPools ListUsers ListUsersInGroup",
        ],
        ecr: "Describe*",
      }),
    ],
  },
];
