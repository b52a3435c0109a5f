/**
 * Which resources a SageMaker operation is about, as ARNs.
 *
 * A template is the resource part of an ARN with members of the input in braces: `training-job/{TrainingJobName}`;
 * `{A|B}` takes the first that is given. A template that is one member alone holds the whole ARN, or a list of them. Where
 * names may be given as ARNs, an ARN in the place of the last name is taken as it is.
 *
 * Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SageMaker AI".
 */
import { formatArn, parseArn } from "../../../resources/arn.ts";

type Input = Readonly<Record<string, unknown>>;

/** A template, or several of which the first that can be filled counts. */
type Resource = string | readonly string[];

/** By what is left of an operation's name without its verb. */
const byNoun: Readonly<Record<string, Resource>> = {
  AIBenchmarkJob: "ai-benchmark-job/{AIBenchmarkJobName}",
  AIRecommendationJob: "ai-recommendation-job/{AIRecommendationJobName}",
  AIWorkloadConfig: "ai-workload-config/{AIWorkloadConfigName}",
  Action: "action/{ActionName}",
  Algorithm: "algorithm/{AlgorithmName}",
  App: "app/{DomainId}/{UserProfileName|SpaceName}/{AppType}/{AppName}",
  AppImageConfig: "app-image-config/{AppImageConfigName}",
  Artifact: "{ArtifactArn}",
  AutoMLJob: "automl-job/{AutoMLJobName}",
  AutoMLJobV2: "automl-job/{AutoMLJobName}",
  Cluster: "cluster/{ClusterName}",
  ClusterEvent: "cluster/{ClusterName}",
  ClusterNode: "cluster/{ClusterName}",
  ClusterNodes: "cluster/{ClusterName}",
  ClusterSchedulerConfig: "cluster-scheduler-config/{ClusterSchedulerConfigId}",
  ClusterSoftware: "cluster/{ClusterName}",
  CodeRepository: "code-repository/{CodeRepositoryName}",
  CompilationJob: "compilation-job/{CompilationJobName}",
  ComputeQuota: "compute-quota/{ComputeQuotaId}",
  Context: "context/{ContextName}",
  DataQualityJobDefinition: "data-quality-job-definition/{JobDefinitionName}",
  Device: "device-fleet/{DeviceFleetName}/device/{DeviceName}",
  DeviceFleet: "device-fleet/{DeviceFleetName}",
  DeviceFleetReport: "device-fleet/{DeviceFleetName}",
  Devices: "device-fleet/{DeviceFleetName}",
  Domain: "domain/{DomainId}",
  EdgeDeploymentPlan: "edge-deployment/{EdgeDeploymentPlanName}",
  EdgeDeploymentStage: "edge-deployment/{EdgeDeploymentPlanName}",
  EdgePackagingJob: "edge-packaging-job/{EdgePackagingJobName}",
  Endpoint: "endpoint/{EndpointName}",
  EndpointConfig: "endpoint-config/{EndpointConfigName}",
  EndpointWeightsAndCapacities: "endpoint/{EndpointName}",
  Experiment: "experiment/{ExperimentName}",
  FeatureGroup: "feature-group/{FeatureGroupName}",
  FeatureMetadata: "feature-group/{FeatureGroupName}",
  FlowDefinition: "flow-definition/{FlowDefinitionName}",
  Hub: "hub/{HubName}",
  HubContent: "hub-content/{HubName}/{HubContentType}/{HubContentName}",
  HubContentPresignedUrls: "hub-content/{HubName}/{HubContentType}/{HubContentName}",
  HubContentReference: ["hub-content/{HubName}/{HubContentType}/{HubContentName}", "hub/{HubName}"],
  HumanTaskUi: "human-task-ui/{HumanTaskUiName}",
  HyperParameterTuningJob: "hyper-parameter-tuning-job/{HyperParameterTuningJobName}",
  Image: "image/{ImageName}",
  ImageVersion: ["image-version/{ImageName}/{Version}", "image-version/{ImageName}/*"],
  InferenceComponent: "inference-component/{InferenceComponentName}",
  InferenceComponentRuntimeConfig: "inference-component/{InferenceComponentName}",
  InferenceExperiment: "inference-experiment/{Name}",
  InferenceRecommendationsJob: "inference-recommendations-job/{JobName}",
  Job: "job/{JobCategory}/{JobName}",
  LabelingJob: "labeling-job/{LabelingJobName}",
  LineageGroup: "lineage-group/{LineageGroupName}",
  LineageGroupPolicy: "lineage-group/{LineageGroupName}",
  MlflowApp: "{Arn}",
  MlflowTrackingServer: "mlflow-tracking-server/{TrackingServerName}",
  Model: "model/{ModelName}",
  ModelBiasJobDefinition: "model-bias-job-definition/{JobDefinitionName}",
  ModelCard: "model-card/{ModelCardName}",
  ModelCardExportJob: ["{ModelCardExportJobArn}", "model-card/{ModelCardName}/export-job/{ModelCardExportJobName}"],
  ModelExplainabilityJobDefinition: "model-explainability-job-definition/{JobDefinitionName}",
  ModelPackage: [
    "{ModelPackageArn}",
    "model-package/{ModelPackageName}",
    "model-package/{ModelPackageGroupName}/*",
    "{ModelPackageArnList}",
  ],
  ModelPackageGroup: "model-package-group/{ModelPackageGroupName}",
  ModelPackageGroupPolicy: "model-package-group/{ModelPackageGroupName}",
  ModelQualityJobDefinition: "model-quality-job-definition/{JobDefinitionName}",
  MonitoringAlert: "monitoring-schedule/{MonitoringScheduleName}",
  MonitoringSchedule: "monitoring-schedule/{MonitoringScheduleName}",
  NotebookInstance: "notebook-instance/{NotebookInstanceName}",
  NotebookInstanceLifecycleConfig: "notebook-instance-lifecycle-config/{NotebookInstanceLifecycleConfigName}",
  OptimizationJob: "optimization-job/{OptimizationJobName}",
  PartnerApp: "{Arn}",
  PartnerAppPresignedUrl: "{Arn}",
  Pipeline: "pipeline/{PipelineName}",
  PipelineDefinitionForExecution: "{PipelineExecutionArn}",
  PipelineVersion: "{PipelineArn}",
  PresignedDomainUrl: "user-profile/{DomainId}/{UserProfileName}",
  PresignedMlflowAppUrl: "{Arn}",
  PresignedMlflowTrackingServerUrl: "mlflow-tracking-server/{TrackingServerName}",
  PresignedNotebookInstanceUrl: "notebook-instance/{NotebookInstanceName}",
  ProcessingJob: "processing-job/{ProcessingJobName}",
  Project: "project/{ProjectName}",
  ReservedCapacity: "{ReservedCapacityArn}",
  ScalingConfigurationRecommendation: "inference-recommendations-job/{InferenceRecommendationsJobName}",
  Session: "{ResourceIdentifier}",
  Space: "space/{DomainId}/{SpaceName}",
  StudioLifecycleConfig: "studio-lifecycle-config/{StudioLifecycleConfigName}",
  SubscribedWorkteam: "{WorkteamArn}",
  Tags: "{ResourceArn}",
  TrainingJob: "training-job/{TrainingJobName}",
  TrainingPlan: "training-plan/{TrainingPlanName}",
  TrainingPlanExtensionHistory: "{TrainingPlanArn}",
  TransformJob: "transform-job/{TransformJobName}",
  Trial: "experiment-trial/{TrialName}",
  TrialComponent: "experiment-trial-component/{TrialComponentName}",
  UserProfile: "user-profile/{DomainId}/{UserProfileName}",
  Workforce: "workforce/{WorkforceName}",
  Workteam: "workteam/{WorkteamName}",
};

const pipelineExecution = "{PipelineExecutionArn}";
const trialAndComponent = ["experiment-trial-component/{TrialComponentName}", "experiment-trial/{TrialName}"];
const endpointAndConfig = ["endpoint/{EndpointName}", "endpoint-config/{EndpointConfigName}"];
const association = ["{SourceArn}", "{DestinationArn}"];

/** Operations whose name does not tell, or that are about several resources. */
const byOperation: Readonly<Record<string, readonly Resource[]>> = {
  AddAssociation: association,
  AssociateTrialComponent: trialAndComponent,
  AttachClusterNodeVolume: ["{ClusterArn}"],
  // What the service itself gives an id at its creation has none yet.
  CreateArtifact: ["artifact/*"],
  CreateClusterSchedulerConfig: ["cluster-scheduler-config/*"],
  CreateComputeQuota: ["compute-quota/*"],
  CreateDomain: ["domain/*"],
  CreateEndpoint: endpointAndConfig,
  CreateMlflowApp: ["mlflow-app/*"],
  CreatePartnerApp: ["partner-app/*"],
  DeleteAssociation: association,
  DetachClusterNodeVolume: ["{ClusterArn}"],
  DisassociateTrialComponent: trialAndComponent,
  ListAliases: ["image/{ImageName}"],
  ListCandidatesForAutoMLJob: ["automl-job/{AutoMLJobName}"],
  ListClusterEvents: ["cluster/{ClusterName}"],
  ListClusterNodes: ["cluster/{ClusterName}"],
  ListHubContents: ["hub/{HubName}"],
  ListHubContentVersions: ["hub-content/{HubName}/{HubContentType}/{HubContentName}"],
  ListImageVersions: ["image/{ImageName}"],
  ListInferenceRecommendationsJobSteps: ["inference-recommendations-job/{JobName}"],
  ListLabelingJobsForWorkteam: ["{WorkteamArn}"],
  ListModelCardExportJobs: ["model-card/{ModelCardName}"],
  ListModelCardVersions: ["model-card/{ModelCardName}"],
  ListMonitoringAlerts: ["monitoring-schedule/{MonitoringScheduleName}"],
  ListPipelineExecutions: ["pipeline/{PipelineName}"],
  ListPipelineExecutionSteps: [pipelineExecution],
  ListPipelineParametersForExecution: [pipelineExecution],
  ListPipelineVersions: ["pipeline/{PipelineName}"],
  ListStageDevices: ["edge-deployment/{EdgeDeploymentPlanName}"],
  ListTags: ["{ResourceArn}"],
  ListTrainingJobsForHyperParameterTuningJob: ["hyper-parameter-tuning-job/{HyperParameterTuningJobName}"],
  ListUltraServersByReservedCapacity: ["{ReservedCapacityArn}"],
  DescribePipelineExecution: [pipelineExecution],
  RetryPipelineExecution: [pipelineExecution],
  StartPipelineExecution: ["pipeline/{PipelineName}"],
  StartClusterHealthCheck: ["cluster/{ClusterName}"],
  StopPipelineExecution: [pipelineExecution],
  UpdateEndpoint: endpointAndConfig,
  UpdatePipelineExecution: [pipelineExecution],
};

const verb =
  /^(?:Add|BatchAdd|BatchDelete|BatchDescribe|BatchReboot|BatchReplace|Create|Delete|Deregister|Describe|Get|Import|Put|Register|Start|Stop|Update)(?=[A-Z])/;

export interface ResourceSpace {
  readonly accountId: string;
  readonly region: string;
}

/**
 * The ARNs of the resources of a request; `*` where the operation has none, and where a name is missing in the input.
 * Operations that list or search are about `*`.
 */
export function resourcesOf(operation: string, input: Input, space: ResourceSpace): readonly string[] {
  const rules = Object.hasOwn(byOperation, operation) ? byOperation[operation] : ruleOfNoun(operation);
  return rules.length === 0 ? ["*"] : rules.flatMap((rule) => arnsOf(rule, input, space));
}

function ruleOfNoun(operation: string): readonly Resource[] {
  const noun = operation.replace(verb, "");
  return noun !== operation && Object.hasOwn(byNoun, noun) ? [byNoun[noun]] : [];
}

function arnsOf(rule: Resource, input: Input, space: ResourceSpace): readonly string[] {
  for (const template of [rule].flat()) {
    const filled = fill(template, input, space);
    if (filled !== undefined) return filled;
  }
  return ["*"];
}

function fill(template: string, input: Input, space: ResourceSpace): readonly string[] | undefined {
  const whole = /^\{(\w+)\}$/.exec(template);
  if (whole !== null) {
    const arns = [input[whole[1]]].flat().filter((value) => typeof value === "string" && parseArn(value) !== undefined);
    return arns.length === 0 ? undefined : (arns as string[]);
  }
  let given: string | undefined;
  let missing = false;
  const resource = template.replace(/\{([\w|]+)\}/g, (_, names: string) => {
    const value = names
      .split("|")
      .map((name) => input[name])
      .find((each) => each !== undefined && each !== "");
    if (typeof value !== "string" && typeof value !== "number") {
      missing = true;
      return "";
    }
    given = String(value);
    return given;
  });
  if (missing) return undefined;
  if (given !== undefined && parseArn(given) !== undefined) return [given];
  return [formatArn({ service: "sagemaker", ...space, resource })];
}
