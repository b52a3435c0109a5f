/** Language, pictures, speech and the services for single questions. */
import { allow, type AwsPolicy } from "./statements.ts";

export const aiServicesPolicies: readonly AwsPolicy[] = [
  {
    name: "ComprehendFullAccess",
    asOf: "2017-12-05",
    about: "Everything in Comprehend, with data in S3.",
    statements: [
      allow({ comprehend: "*", iam: "GetRole ListRoles", s3: "GetBucketLocation ListAllMyBuckets ListBucket" }),
    ],
  },
  {
    name: "ComprehendReadOnly",
    asOf: "2022-04-26",
    about: "Analysing text with Comprehend and looking at its jobs and models.",
    statements: [
      allow({
        comprehend: [
          "BatchDetectDominantLanguage BatchDetectEntities BatchDetectKeyPhrases BatchDetectSentiment",
          "BatchDetectSyntax ClassifyDocument ContainsPiiEntities DescribeDocumentClassificationJob",
          "DescribeDocumentClassifier DescribeDominantLanguageDetectionJob DescribeEndpoint",
          "DescribeEntitiesDetectionJob DescribeEntityRecognizer DescribeKeyPhrasesDetectionJob",
          "DescribePiiEntitiesDetectionJob DescribeResourcePolicy DescribeSentimentDetectionJob",
          "DescribeTargetedSentimentDetectionJob DescribeTopicsDetectionJob DetectDominantLanguage",
          "DetectEntities DetectKeyPhrases DetectPiiEntities DetectSentiment DetectSyntax",
          "ListDocumentClassificationJobs ListDocumentClassifierSummaries ListDocumentClassifiers",
          "ListDominantLanguageDetectionJobs ListEndpoints ListEntitiesDetectionJobs",
          "ListEntityRecognizerSummaries ListEntityRecognizers ListKeyPhrasesDetectionJobs",
          "ListPiiEntitiesDetectionJobs ListSentimentDetectionJobs ListTagsForResource",
          "ListTargetedSentimentDetectionJobs ListTopicsDetectionJobs",
        ],
      }),
    ],
  },
  {
    name: "AmazonRekognitionFullAccess",
    asOf: "2016-11-30",
    about: "Everything in Rekognition.",
    statements: [allow({ rekognition: "*" })],
  },
  {
    name: "AmazonRekognitionReadOnlyAccess",
    asOf: "2023-11-08",
    about: "Analysing pictures with Rekognition and looking at its collections and models.",
    statements: [
      allow({
        rekognition: [
          "CompareFaces DescribeDataset DescribeProjectVersions DescribeProjects DescribeStreamProcessor",
          "DetectCustomLabels DetectFaces DetectLabels DetectModerationLabels DetectProtectiveEquipment",
          "DetectText GetCelebrityInfo GetCelebrityRecognition GetContentModeration GetFaceDetection",
          "GetFaceSearch GetLabelDetection GetMediaAnalysisJob GetPersonTracking GetSegmentDetection",
          "GetTextDetection ListCollections ListDatasetEntries ListDatasetLabels ListFaces",
          "ListMediaAnalysisJobs ListProjectPolicies ListStreamProcessors ListTagsForResource ListUsers",
          "RecognizeCelebrities SearchFaces SearchFacesByImage SearchUsers SearchUsersByImage",
        ],
      }),
    ],
  },
  {
    name: "AmazonTextractFullAccess",
    asOf: "2018-11-28",
    about: "Everything in Textract.",
    statements: [allow({ textract: "*" })],
  },
  {
    name: "AmazonPollyFullAccess",
    asOf: "2016-11-30",
    about: "Everything in Polly.",
    statements: [allow({ polly: "*" })],
  },
  {
    name: "AmazonTranscribeFullAccess",
    asOf: "2018-04-04",
    about: "Everything in Transcribe, with data in S3.",
    statements: [allow({ transcribe: "*" }), allow({ s3: "GetObject" }, "arn:aws:s3:::*transcribe*")],
  },
  {
    name: "TranslateFullAccess",
    asOf: "2020-01-08",
    about: "Everything in Translate, with data in S3.",
    statements: [
      allow({
        cloudwatch: "GetMetricStatistics ListMetrics",
        comprehend: "DetectDominantLanguage",
        iam: "GetRole ListRoles",
        s3: "GetBucketLocation ListAllMyBuckets ListBucket",
        translate: "*",
      }),
    ],
  },
  {
    name: "TranslateReadOnly",
    asOf: "2023-05-24",
    about: "Translating and looking at terminologies.",
    statements: [
      allow({
        cloudwatch: "GetMetricStatistics ListMetrics",
        comprehend: "DetectDominantLanguage",
        translate: [
          "DescribeTextTranslationJob GetParallelData GetTerminology ListParallelData ListTerminologies",
          "ListTextTranslationJobs TranslateDocument TranslateText",
        ],
      }),
    ],
  },
  {
    name: "AmazonForecastFullAccess",
    asOf: "2019-01-18",
    about: "Everything in Forecast.",
    statements: [
      allow({ forecast: "*" }),
      allow({ iam: "PassRole" }, "*", { StringEquals: { "iam:PassedToService": "forecast.amazonaws.com" } }),
    ],
  },
  {
    name: "AmazonPersonalizeFullAccess",
    path: "/service-role/",
    asOf: "2019-05-30",
    about: "Everything in Personalize, with data in S3.",
    statements: [
      allow({ personalize: "*" }),
      allow({ cloudwatch: "ListMetrics PutMetricData" }),
      allow({ s3: "DeleteObject GetObject ListBucket PutObject" }, [
        "arn:aws:s3:::*Personalize*",
        "arn:aws:s3:::*personalize*",
      ]),
      allow({ iam: "PassRole" }, "*", { StringEquals: { "iam:PassedToService": "personalize.amazonaws.com" } }),
    ],
  },
  {
    name: "AmazonMachineLearningFullAccess",
    asOf: "2015-04-09",
    about: "Everything in Machine Learning.",
    statements: [allow({ machinelearning: "*" })],
  },
  {
    name: "AmazonMechanicalTurkFullAccess",
    asOf: "2015-12-11",
    about: "Everything in Mechanical Turk.",
    statements: [allow({ mechanicalturk: "*" })],
  },
  {
    name: "AmazonBedrockFullAccess",
    asOf: "2026-08-04",
    about: "Everything in Bedrock.",
    statements: [
      allow({ bedrock: "*" }),
      allow({ "bedrock-mantle": "*" }),
      allow({ "bedrock-websearch": "InvokeFetch InvokeSearch" }, "arn:aws:bedrock-websearch:*:*:*"),
      allow({ kms: "DescribeKey" }, "arn:*:kms:*:::*"),
      allow({ ec2: "DescribeSecurityGroups DescribeSubnets DescribeVpcs", iam: "ListRoles" }),
      allow(
        { sagemaker: "CreateEndpoint CreateEndpointConfig CreateModel DeleteEndpoint UpdateEndpoint" },
        [
          "arn:aws:sagemaker:*:*:endpoint-config/*",
          "arn:aws:sagemaker:*:*:endpoint/*",
          "arn:aws:sagemaker:*:*:model/*",
        ],
        {
          StringEquals: {
            "aws:CalledViaLast": "bedrock.amazonaws.com",
            "aws:ResourceTag/sagemaker-sdk:bedrock": "compatible",
          },
        },
      ),
      allow(
        { sagemaker: "AddTags" },
        [
          "arn:aws:sagemaker:*:*:endpoint-config/*",
          "arn:aws:sagemaker:*:*:endpoint/*",
          "arn:aws:sagemaker:*:*:model/*",
        ],
        {
          "ForAllValues:StringEquals": {
            "aws:TagKeys": [
              "sagemaker-sdk:bedrock",
              "bedrock:marketplace-registration-status",
              "sagemaker-studio:hub-content-arn",
            ],
          },
          StringLike: {
            "aws:RequestTag/bedrock:marketplace-registration-status": "registered",
            "aws:RequestTag/sagemaker-sdk:bedrock": "compatible",
            "aws:RequestTag/sagemaker-studio:hub-content-arn":
              "arn:aws:sagemaker:*:aws:hub-content/SageMakerPublicHub/Model/*",
          },
        },
      ),
      allow(
        { sagemaker: "DeleteTags" },
        [
          "arn:aws:sagemaker:*:*:endpoint-config/*",
          "arn:aws:sagemaker:*:*:endpoint/*",
          "arn:aws:sagemaker:*:*:model/*",
        ],
        {
          "ForAllValues:StringEquals": {
            "aws:TagKeys": [
              "sagemaker-sdk:bedrock",
              "bedrock:marketplace-registration-status",
              "sagemaker-studio:hub-content-arn",
            ],
          },
          StringLike: {
            "aws:ResourceTag/bedrock:marketplace-registration-status": "registered",
            "aws:ResourceTag/sagemaker-sdk:bedrock": "compatible",
            "aws:ResourceTag/sagemaker-studio:hub-content-arn":
              "arn:aws:sagemaker:*:aws:hub-content/SageMakerPublicHub/Model/*",
          },
        },
      ),
      allow(
        {
          sagemaker: [
            "DescribeEndpoint DescribeEndpointConfig DescribeInferenceComponent DescribeModel ListEndpoints",
            "ListTags",
          ],
        },
        [
          "arn:aws:sagemaker:*:*:endpoint-config/*",
          "arn:aws:sagemaker:*:*:endpoint/*",
          "arn:aws:sagemaker:*:*:model/*",
        ],
        { StringEquals: { "aws:CalledViaLast": "bedrock.amazonaws.com" } },
      ),
      allow({ sagemaker: "InvokeEndpoint InvokeEndpointWithResponseStream" }, "arn:aws:sagemaker:*:*:endpoint/*", {
        StringEquals: {
          "aws:CalledViaLast": "bedrock.amazonaws.com",
          "aws:ResourceTag/sagemaker-sdk:bedrock": "compatible",
        },
      }),
      allow({ sagemaker: "DescribeHubContent" }, [
        "arn:aws:sagemaker:*:aws:hub-content/SageMakerPublicHub/Model/*",
        "arn:aws:sagemaker:*:aws:hub/SageMakerPublicHub",
      ]),
      allow({ sagemaker: "ListHubContents" }, "arn:aws:sagemaker:*:aws:hub/SageMakerPublicHub"),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*SageMaker*ForBedrock*", {
        StringEquals: { "iam:PassedToService": ["sagemaker.amazonaws.com", "bedrock.amazonaws.com"] },
      }),
      allow({ iam: "PassRole" }, "arn:aws:iam::*:role/*AmazonBedrock*", {
        StringEquals: { "iam:PassedToService": "bedrock.amazonaws.com" },
      }),
      allow({ "aws-marketplace": "Subscribe Unsubscribe ViewSubscriptions" }, "*", {
        StringEquals: { "aws:CalledViaLast": "bedrock.amazonaws.com" },
      }),
    ],
  },
  {
    name: "AmazonBedrockReadOnly",
    asOf: "2026-02-12",
    about: "Looking at everything in Bedrock.",
    statements: [
      allow({ bedrock: "Get* List*" }),
      allow(
        {
          sagemaker: [
            "DescribeEndpoint DescribeEndpointConfig DescribeInferenceComponent DescribeModel ListEndpoints",
            "ListTags",
          ],
        },
        [
          "arn:aws:sagemaker:*:*:endpoint-config/*",
          "arn:aws:sagemaker:*:*:endpoint/*",
          "arn:aws:sagemaker:*:*:model/*",
        ],
        { StringEquals: { "aws:CalledViaLast": "bedrock.amazonaws.com" } },
      ),
      allow({ sagemaker: "DescribeHubContent" }, [
        "arn:aws:sagemaker:*:aws:hub-content/SageMakerPublicHub/Model/*",
        "arn:aws:sagemaker:*:aws:hub/SageMakerPublicHub",
      ]),
      allow({ sagemaker: "ListHubContents" }, "arn:aws:sagemaker:*:aws:hub/SageMakerPublicHub"),
    ],
  },
];
