/** What CreateTrainingJob knows of SageMaker's parameters and does not support, with the reason. */
import { validationError } from "../../../protocol/aws-error.ts";
import type { CreateTrainingJobRequest } from "../../../protocol/generated/sagemaker.ts";
import type { Refusal } from "../../../protocol/service.ts";

const ownImages = "jobs run built-in algorithms only, not programs of images";
const noModes = "channels are copied to files before the job starts; use File";
const noSpot = "no machine is rented, so none is taken away";
const noCheckpoints = "checkpoints are not copied to and from S3";
const noKeys = "there is no KMS to encrypt with";
const noDebugger = "Debugger and its rules do not run here";
const noProfiler = "the profiler does not run here; send DisableProfiler true";
const noPlans = "capacity is this machine's";
const notRegistered = "models are customised by built-in algorithms only";

/** A list member in square brackets refuses a list with elements; clients send empty ones freely. */
export const createTrainingJobRefusals: readonly Refusal[] = [
  {
    parameter: "AlgorithmSpecification.AlgorithmName",
    because: "there are no algorithm resources; name a TrainingImage",
  },
  { parameter: "AlgorithmSpecification.TrainingInputMode", values: ["Pipe", "FastFile"], because: noModes },
  {
    parameter: "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
    values: [true],
    because: "the last value of each metric is kept, not its time series",
  },
  { parameter: "AlgorithmSpecification.ContainerEntrypoint[]", because: ownImages },
  { parameter: "AlgorithmSpecification.ContainerArguments[]", because: ownImages },
  { parameter: "AlgorithmSpecification.TrainingImageConfig", because: ownImages },
  { parameter: "InputDataConfig[].InputMode", values: ["Pipe", "FastFile"], because: noModes },
  { parameter: "InputDataConfig[].ShuffleConfig", because: "files are not shuffled" },
  {
    parameter: "InputDataConfig[].RecordWrapperType",
    values: ["RecordIO"],
    because: "records are wrapped only in Pipe mode, which there is not",
  },
  {
    parameter: "InputDataConfig[].DataSource.FileSystemDataSource",
    because: "no EFS or FSx file system can be mounted; use an S3DataSource",
  },
  { parameter: "InputDataConfig[].DataSource.DatasetSource", because: "there is no hub; use an S3DataSource" },
  {
    parameter: "InputDataConfig[].DataSource.S3DataSource.S3DataType",
    values: ["AugmentedManifestFile", "Converse"],
    because: "S3Prefix and ManifestFile are",
  },
  {
    parameter: "InputDataConfig[].DataSource.S3DataSource.AttributeNames[]",
    because: "attributes belong to augmented manifests, which are not read",
  },
  {
    parameter: "InputDataConfig[].DataSource.S3DataSource.InstanceGroupNames[]",
    because: "a job has one host and no instance groups",
  },
  { parameter: "InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig", because: "there are no gated models" },
  { parameter: "InputDataConfig[].DataSource.S3DataSource.HubAccessConfig", because: "there is no hub" },
  { parameter: "OutputDataConfig.KmsKeyId", because: noKeys },
  { parameter: "ResourceConfig.VolumeKmsKeyId", because: noKeys },
  {
    parameter: "ResourceConfig.InstanceGroups[]",
    because: "a job has one host; give InstanceType and InstanceCount 1",
  },
  { parameter: "ResourceConfig.TrainingPlanArn", because: noPlans },
  { parameter: "ResourceConfig.InstancePlacementConfig", because: noPlans },
  { parameter: "VpcConfig", because: "jobs run on this machine, outside any VPC" },
  { parameter: "StoppingCondition.MaxWaitTimeInSeconds", because: noSpot },
  { parameter: "StoppingCondition.MaxPendingTimeInSeconds", because: noPlans },
  {
    parameter: "EnableNetworkIsolation",
    values: [true],
    because: "jobs are processes of this machine and share its network",
  },
  { parameter: "EnableManagedSpotTraining", values: [true], because: noSpot },
  { parameter: "CheckpointConfig", because: noCheckpoints },
  { parameter: "DebugHookConfig.CollectionConfigurations[]", because: noDebugger },
  { parameter: "DebugHookConfig.HookParameters", because: noDebugger },
  { parameter: "DebugRuleConfigurations[]", because: noDebugger },
  { parameter: "TensorBoardOutputConfig", because: "TensorBoard data is not uploaded" },
  { parameter: "ExperimentConfig", because: "there are no experiments and trials" },
  { parameter: "ResourceConfig.InstanceCount", except: [1], because: "a job has one host" },
  { parameter: "ResourceConfig.KeepAlivePeriodInSeconds", except: [0], because: "there are no warm pools" },
  { parameter: "ProfilerConfig.DisableProfiler", values: [false], because: noProfiler },
  { parameter: "ProfilerConfig.ProfilingIntervalInMilliseconds", because: noProfiler },
  { parameter: "ProfilerConfig.ProfilingParameters", because: noProfiler },
  { parameter: "ProfilerRuleConfigurations[]", because: noProfiler },
  { parameter: "RetryStrategy", because: "a failed job is not tried again; create it under another name" },
  { parameter: "RemoteDebugConfig.EnableRemoteDebug", values: [true], because: "there is no container to connect to" },
  { parameter: "InfraCheckConfig.EnableInfraCheck", values: [true], because: "there is no fleet to check" },
  {
    parameter: "SessionChainingConfig.EnableSessionTagChaining",
    values: [true],
    because: "the session of a job's role passes no tags on",
  },
  { parameter: "ServerlessJobConfig", because: notRegistered },
  { parameter: "MlflowConfig", because: "there is no MLflow server" },
  { parameter: "ModelPackageConfig", because: "there is no model registry" },
];

/**
 * Refuses by name what the table cannot say: a ProfilerConfig without DisableProfiler asks for system metrics.
 * @throws AwsError ValidationException
 */
export function refuseProfiler({ ProfilerConfig }: CreateTrainingJobRequest): void {
  if (ProfilerConfig === undefined || ProfilerConfig.DisableProfiler === true) return;
  throw validationError(`ProfilerConfig is not supported by Sagebrush: ${noProfiler}.`);
}
