/** A stored training job in the shapes of the API. */
import type {
  DescribeTrainingJobResponse,
  MetricDefinition,
  SecondaryStatusTransition,
  TrainingJobSummary,
} from "../../../protocol/generated/sagemaker.ts";
import type { Metric } from "../../../jobs/metrics.ts";
import { secondaryStatus, type TrainingJob, type TrainingJobRecord } from "./training-job-record.ts";

/** @param metrics the last value of each so far */
export function describeTrainingJob(
  record: TrainingJobRecord,
  metricDefinitions: readonly MetricDefinition[],
  metrics: readonly Metric[],
): DescribeTrainingJobResponse {
  const job = record.body;
  const { request } = job;
  const seconds = trainingSeconds(job);
  return {
    TrainingJobName: record.name,
    TrainingJobArn: record.arn!,
    // The description calls it required, but before the upload there is no model that it could name.
    ...(job.modelArtifacts !== undefined && { ModelArtifacts: { S3ModelArtifacts: job.modelArtifacts } }),
    TrainingJobStatus: job.status,
    SecondaryStatus: secondaryStatus(job),
    ...(job.failureReason !== undefined && { FailureReason: job.failureReason }),
    HyperParameters: request.HyperParameters ?? {},
    AlgorithmSpecification: {
      ...request.AlgorithmSpecification!,
      MetricDefinitions: metricDefinitions as MetricDefinition[],
    },
    RoleArn: request.RoleArn,
    ...(request.InputDataConfig && { InputDataConfig: request.InputDataConfig }),
    OutputDataConfig: { CompressionType: "GZIP", ...request.OutputDataConfig },
    ResourceConfig: request.ResourceConfig!,
    StoppingCondition: request.StoppingCondition!,
    CreationTime: new Date(record.createdAt),
    ...(job.trainingStartTime !== undefined && { TrainingStartTime: new Date(job.trainingStartTime) }),
    ...(job.trainingEndTime !== undefined && { TrainingEndTime: new Date(job.trainingEndTime) }),
    LastModifiedTime: new Date(record.updatedAt),
    SecondaryStatusTransitions: job.transitions.map(
      ({ status, startTime, endTime, message }): SecondaryStatusTransition => ({
        Status: status,
        StartTime: new Date(startTime),
        ...(endTime !== undefined && { EndTime: new Date(endTime) }),
        StatusMessage: message,
      }),
    ),
    ...(metrics.length > 0 && {
      FinalMetricDataList: metrics.map(({ name, value, timestamp }) => ({
        MetricName: name,
        Value: value,
        Timestamp: new Date(timestamp),
      })),
    }),
    EnableNetworkIsolation: request.EnableNetworkIsolation ?? false,
    EnableInterContainerTrafficEncryption: request.EnableInterContainerTrafficEncryption ?? false,
    EnableManagedSpotTraining: false,
    ...(seconds !== undefined && { TrainingTimeInSeconds: seconds, BillableTimeInSeconds: seconds }),
    ...(request.DebugHookConfig && { DebugHookConfig: request.DebugHookConfig }),
    ...(request.ProfilerConfig && { ProfilerConfig: request.ProfilerConfig }),
    ProfilingStatus: "Disabled",
    ...(request.Environment && { Environment: request.Environment }),
    ...(request.RemoteDebugConfig && { RemoteDebugConfig: request.RemoteDebugConfig }),
    ...(request.InfraCheckConfig && { InfraCheckConfig: request.InfraCheckConfig }),
  } as DescribeTrainingJobResponse;
}

export function summariseTrainingJob(record: TrainingJobRecord): TrainingJobSummary {
  const job = record.body;
  return {
    TrainingJobName: record.name,
    TrainingJobArn: record.arn!,
    CreationTime: new Date(record.createdAt),
    ...(job.trainingEndTime !== undefined && { TrainingEndTime: new Date(job.trainingEndTime) }),
    LastModifiedTime: new Date(record.updatedAt),
    TrainingJobStatus: job.status,
    SecondaryStatus: secondaryStatus(job),
  };
}

/** Seconds between the start and the end of training, rounded up as they are billed; at least 1. */
function trainingSeconds({ trainingStartTime, trainingEndTime }: TrainingJob): number | undefined {
  if (trainingStartTime === undefined || trainingEndTime === undefined) return undefined;
  return Math.max(1, Math.ceil((trainingEndTime - trainingStartTime) / 1000));
}
