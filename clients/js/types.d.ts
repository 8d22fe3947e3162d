// Made from the OpenAPI document by `make client`. Not to be edited.

/** Number of test examples by whether each of two classifiers is correct. */
export interface Agreement {
  "examples": number;
  "both_right": number;
  "both_wrong": number;
  /** Examples that only this version predicts correctly. */
  "only_right": Record<string, number>;
  /** Examples with different predictions, correct or not. */
  "disagreements": number;
}

/** The version that an alias points to. */
export interface AliasTarget {
  "version": number;
}

/** What else could have come; an empty word is the line's end. */
export interface Alternative {
  "word": string;
  "probability": number;
}

/** Calibration of a classifier: `softmax(log(p) / temperature)`, with the temperature fitted on `examples`. A picture is familiar if its score is at least `familiar_from`, the threshold at which a fraction `false_alarms` of the examples is not. The score is the confidence, or with `measure` `features` combines confidence and features. */
export interface Calibration {
  "temperature": number;
  "fitted_on": "validation" | "test";
  "examples": number;
  "familiar_from": number;
  "false_alarms"?: number;
  "measure"?: "confidence" | "features";
}

/** Options for cancelling a job. */
export interface Cancelling {
  /** Publish the best epoch so far instead of discarding the training. */
  "stop_early"?: boolean;
}

/** What a model can be asked for here. */
export interface Capabilities {
  /** Whether POST /v1/completions takes it. */
  "completions": boolean;
}

/** The card of a version. Versions are compared by `metrics[primary_metric]`; `better` says whether higher or lower is better. `states` are the recurrent states of a text generator. `diverged` is the reason if the training diverged. */
export interface Card {
  "format"?: 1;
  "model": string;
  "version": number;
  "family": string;
  "title": string;
  "created": string;
  "job": string | null;
  "labels": Array<string>;
  "input": TensorCard;
  "output": TensorCard;
  "states"?: Array<TensorCard>;
  "features"?: FeaturesCard | null;
  "preprocessing": string;
  "hyperparameters": Record<string, unknown>;
  "command": string;
  "data": DataCard | null;
  "metrics": Record<string, number>;
  "primary_metric": string;
  "better"?: "higher" | "lower";
  "diverged"?: string | null;
  "calibration"?: Calibration | null;
  "curves": Array<Record<string, unknown>>;
  "parameters": number | null;
  "training_seconds": number;
  "libraries": Record<string, string>;
  "files": Record<string, FileSum>;
}

/** One continuation. */
export interface Choice {
  "text": string;
  "index": number;
  "logprobs"?: Logprobs | null;
  "finish_reason": "stop" | "length" | null;
}

/** A list of choices. */
export interface Choices {
  "choices": Array<boolean | number | string | null>;
}

/** The answer of a classifier: the labels with their probabilities, most likely first. */
export interface Classification {
  "model": string;
  "version": number;
  /** The most likely label. */
  "label": string;
  /** Its probability, 0 to 1. */
  "confidence": number;
  /** False when this picture is unlike almost all pictures this version was validated on, by the network's features and its confidence: a hint that it shows none of the labels. Absent when the version was never calibrated. */
  "familiar": boolean | null;
  "probabilities": Record<string, number>;
}

/** Comparison of two versions of a model on their test sets. */
export interface Comparison {
  "model": string;
  "versions": [number, number];
  /** Whether both were tested on the same examples; otherwise metrics are not comparable. */
  "same_test": boolean;
  "metrics": Record<string, Record<string, number>>;
  "labels": Array<string>;
  /** Confusion matrices of classifiers; rows: actual, columns: predicted. */
  "confusion": Record<string, Array<Array<number>>>;
  /** None for generators, for different test sets and for versions without stored predictions. */
  "agreement": Agreement | null;
}

/** What to continue, and how. Null means the default. What other services add is ignored. */
export interface CompletionRequest {
  "model": string;
  /** A beginning, or several, as texts or as tokens: ids of the model's own vocabulary, which is the version's file `vocabulary.json`. What follows a text begins another word; tokens are taken as they are. Null is a line's beginning. */
  "prompt": string | Array<string> | Array<number> | Array<Array<number>> | null;
  /** At most so many tokens for each choice; 0, with `echo` and `logprobs`, weighs the prompt. */
  "max_tokens"?: number | null;
  "temperature"?: number | null;
  "top_p"?: number | null;
  "top_k"?: number | null;
  /** Leaves out what is less likely than so much of the likeliest. */
  "min_p"?: number | null;
  "repetition_penalty"?: number | null;
  /** Taken from a token's logit for each time it was chosen. */
  "frequency_penalty"?: number | null;
  /** Taken from a token's logit once it was chosen. */
  "presence_penalty"?: number | null;
  /** What is added to the logits of tokens, by their ids. */
  "logit_bias"?: Record<string, number> | null;
  /** Choices for each prompt. Those of all prompts together, or what `best_of` has of them, may be as many as FITSERVE_MAX_QUEUE_SIZE. */
  "n"?: number | null;
  /** Send each piece as it comes; not together with a `best_of` above `n`. */
  "stream"?: boolean | null;
  /** Of so many, at least `n`, the `n` that are likeliest by the mean of their tokens' logarithms. Not together with `stream`. */
  "best_of"?: number | null;
  /** Tell the logarithm of each token's probability, and so many of the likeliest in its place. */
  "logprobs"?: number | null;
  /** The same seed gives the same text. */
  "seed"?: number | null;
  /** At most four texts that end a choice; not returned. */
  "stop"?: string | Array<string> | null;
  "stream_options"?: StreamOptions | null;
  /** Begin each text with its prompt. */
  "echo"?: boolean | null;
  /** Not supported: these models only read forwards. */
  "suffix"?: null;
  "user"?: string | null;
}

/** The answer. */
export interface CompletionResponse {
  "id": string;
  "object"?: "text_completion";
  "created": number;
  "model": string;
  "choices": Array<Choice>;
  "usage"?: Usage | null;
  /** The version that answered. */
  "system_fingerprint": string;
}

/** A control request for a running job, until its trainer has received it. */
export type ControlRequest = "cancel" | "pause" | "stop_early";

/** The data a version was trained and tested on. */
export interface DataCard {
  "name": string;
  "examples": number;
  "fingerprint": string;
  "test_fingerprint": string;
}

/** An invalid field. */
export interface Fault {
  "loc": Array<string | number>;
  "msg": string;
  "type": string;
}

/** A second output of the exported network: the concatenated mean activations of the Keras network's `layers`. It is internal and not part of any API. */
export interface FeaturesCard {
  "name": string;
  "dtype": string;
  "shape": Array<number>;
  "layers": Array<string>;
}

/** Size in bytes and SHA-256 of one file of a version. */
export interface FileSum {
  "size": number;
  "sha256": string;
}

/** What to continue, and how. */
export interface GenerateRequest {
  /** The beginning of a line. */
  "seed_text": string;
  /** At most so many words; fewer when the line ends before. */
  "next_words"?: number;
  /** A model that continues texts, such as `lstm`. */
  "model"?: string;
  /** A version or an alias; by default the live one. Not together with `alias`. */
  "version"?: number | string | null;
  /** An alias, in place of `version` and not together with it. What the query names comes first. */
  "alias"?: string | null;
  /** 0: always the likeliest; 1: as likely as learned; above: bolder. */
  "temperature"?: number;
  /** Choose among so many of the likeliest tokens. */
  "top_k"?: number | null;
  /** Choose among the fewest of the likeliest tokens that have this probability. */
  "top_p"?: number | null;
  /** Above 1: what was there before becomes less likely. */
  "repetition_penalty"?: number;
  /** The same seed gives the same text. */
  "seed"?: number | null;
  /** How many of the next-best words to tell for each word. */
  "alternatives"?: number;
  /** Send each word as it comes; so does `Accept: text/event-stream`. */
  "stream"?: boolean;
}

/** A continued text. */
export interface Generated {
  "model": string;
  "version": number;
  /** As it was sent, in Unicode's composed form and without what cannot be seen. */
  "seed_text": string;
  /** The seed text and its continuation. */
  "text": string;
  /** The continuation. */
  "words": Array<string>;
  /** Words of the seed text that the model does not know. */
  "ignored_words": Array<string>;
  /** Scripts of the seed text of which the model has learned no letters. */
  "unknown_scripts": Array<string>;
  /** True when no word of the seed text is known, so that the continuation begins like a new line. */
  "from_line_start": boolean;
  /** Whether `next_words` were reached or the line ended. */
  "stopped": "words" | "end_of_line";
  /** With this seed the same text comes again; null when nothing was drawn. */
  "seed": number | null;
  /** What should be known of this answer: what was not understood, and why there is no word. */
  "note": string | null;
  /** With `alternatives`: every word with what else was likely. */
  "steps"?: Array<Step> | null;
}

export interface HTTPValidationError {
  "detail"?: Array<ValidationError>;
}

/** A job. */
export interface Job {
  "family": string;
  "model": string;
  "hyperparameters": Record<string, unknown>;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  /** Additional export formats besides ONNX and Keras. */
  "formats"?: Array<"savedmodel">;
  /** The sweep that this job is a trial of. */
  "sweep"?: string | null;
  /** Trial number within the sweep, starting at 1. */
  "trial"?: number | null;
  "id": string;
  "status": Status;
  /** Pending control request. */
  "control_request"?: ControlRequest | null;
  /** Number of attempts started. */
  "attempts"?: number;
  /** Fraction of the training completed, 0 to 1. */
  "progress"?: number;
  "phase"?: string | null;
  /** Current epoch of this phase, starting at 1. */
  "epoch"?: number | null;
  /** Number of epochs of this phase. */
  "epochs"?: number | null;
  /** Estimated remaining training time in seconds. */
  "eta_seconds"?: number | null;
  /** Latest metrics. */
  "metrics"?: Record<string, number>;
  /** Published version, whether and why it was promoted, and how training `diverged`, if it did. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "started"?: string | null;
  "finished"?: string | null;
}

/** The first of several jobs, with the list of all. */
export interface JobGroup {
  "family": string;
  "model": string;
  "hyperparameters": Record<string, unknown>;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  /** Additional export formats besides ONNX and Keras. */
  "formats"?: Array<"savedmodel">;
  /** The sweep that this job is a trial of. */
  "sweep"?: string | null;
  /** Trial number within the sweep, starting at 1. */
  "trial"?: number | null;
  "id": string;
  "status": Status;
  /** Pending control request. */
  "control_request"?: ControlRequest | null;
  /** Number of attempts started. */
  "attempts"?: number;
  /** Fraction of the training completed, 0 to 1. */
  "progress"?: number;
  "phase"?: string | null;
  /** Current epoch of this phase, starting at 1. */
  "epoch"?: number | null;
  /** Number of epochs of this phase. */
  "epochs"?: number | null;
  /** Estimated remaining training time in seconds. */
  "eta_seconds"?: number | null;
  /** Latest metrics. */
  "metrics"?: Record<string, number>;
  /** Published version, whether and why it was promoted, and how training `diverged`, if it did. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "started"?: string | null;
  "finished"?: string | null;
  /** All queued jobs, starting with this one. */
  "jobs": Array<Job>;
}

/** The process is alive. */
export interface Live {
  "status"?: string;
}

/** What a choice is made of, token by token: four lists of one length. */
export interface Logprobs {
  /** Each with the space before it; bytes that are no whole character are written `bytes:\xea\xb0`, a line's end `<end>`. */
  "tokens": Array<string>;
  /** Natural logarithms of the network's own probabilities, whatever the parameters changed; null for the first token of a prompt. */
  "token_logprobs": Array<number | null>;
  /** As many of the likeliest tokens as were asked for, and the one that was chosen. */
  "top_logprobs": Array<Record<string, number> | null>;
  /** Where each begins, in characters from the beginning of the prompt in Unicode's composed form, whether that is echoed or not. */
  "text_offset": Array<number>;
}

/** One model that answers. */
export interface ModelEntry {
  "id": string;
  "object"?: "model";
  "created": number;
  "owned_by"?: string;
  "capabilities": Capabilities;
}

/** The serving state of a model. */
export interface ModelHealth {
  "serving": number | null;
  /** Versions loaded in memory. */
  "loaded": Array<number>;
  /** Instances or texts in the queue. */
  "waiting": number;
  "faults": Record<string, string>;
}

/** The models that answer. */
export interface ModelList {
  "object"?: "list";
  "data": Array<ModelEntry>;
}

/** A model with its aliases, versions and faults. */
export interface ModelSummary {
  "model": string;
  "family": string;
  /** Whether the model comes with its family; other models can be deleted. */
  "built_in": boolean;
  /** The version that serves requests now. */
  "serving": number | null;
  /** Traffic weights by version. */
  "traffic": Record<string, number>;
  "shadow": ShadowSummary | null;
  "aliases": Record<string, number>;
  "versions": Array<VersionSummary>;
  /** Versions that cannot be served, with the reason. */
  "faults": Record<string, string>;
}

/** Problem details, RFC 9457. */
export interface Problem {
  "type": string;
  "title": string;
  "status": number;
  "detail": string;
  /** Invalid fields, at most 20. */
  "errors"?: Array<Fault> | null;
  /** Number of further invalid fields. */
  "more_errors"?: number | null;
}

/** A range of numbers, both ends included. */
export interface Range {
  "low": number;
  "high": number;
  /** Sample on a logarithmic scale. Not together with `step`. */
  "log"?: boolean;
  /** Sample only `low` plus multiples of this step. Not together with `log`. */
  "step"?: number | null;
}

/** Readiness: every model with a live version is served, the runtime works, and no signal to stop has arrived. */
export interface Ready {
  "ready": boolean;
  /** Runtime that runs predictions. */
  "runtime": string;
  /** Why this runtime was selected. */
  "runtime_reason": string;
  /** Why the runtime is failing now, for example because a GPU was lost. */
  "runtime_fault": string | null;
  /** NVIDIA GPUs reported by the driver. */
  "gpus": Array<string>;
  /** Why the keys file cannot be read; the last valid keys stay in use. */
  "keys_fault": string | null;
  /** Whether this process is the leader, which starts the trainers. */
  "is_leader": boolean;
  "models": Record<string, ModelHealth>;
}

/** The shadow version and the comparison of its answers since this process started shadowing. */
export interface ShadowSummary {
  "version": number;
  /** Requests whose labels `agreed` or `differed`, that `failed`, or that were `skipped` under load. */
  "counts": Record<string, number>;
}

/** Status of a job: queued -> running -> succeeded | failed | cancelled. If its trainer is lost, it is queued again. Queued and running jobs can be paused; a resumed job is queued again. */
export type Status = "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";

/** A word, how likely it (or the piece it begins with) was, and what else was likely there. */
export interface Step {
  "word": string;
  "probability": number;
  "alternatives": Array<Alternative>;
}

/** What a stream tells besides the text. */
export interface StreamOptions {
  "include_usage"?: boolean;
}

/** A sweep. */
export interface Sweep {
  "family": string;
  "model": string;
  /** Search space: a range or choices for each hyperparameter. */
  "space": Record<string, unknown>;
  /** StaticDataset hyperparameters for all trials. */
  "hyperparameters": Record<string, unknown>;
  /** Metric to optimise, taken from a trial's best epoch. */
  "metric": "val_accuracy" | "val_loss";
  "trials": number;
  "seed"?: number;
  "stop_bad"?: boolean;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  "id": string;
  "status": Status;
  /** Pending control request. */
  "control_request"?: ControlRequest | null;
  /** Number of trials that have ended. */
  "ended"?: number;
  /** Best trial, its version, and whether it was promoted. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "finished"?: string | null;
}

/** The definition of a sweep. */
export interface SweepRequest {
  "family": string;
  /** The name of the model that is trained; by default the family's own, or the cell's. */
  "model"?: string | null;
  /** Search space: a range or choices for each hyperparameter. */
  "space": Record<string, Range | Choices>;
  /** Number of trials, including those stopped early. */
  "trials"?: number;
  /** Fixed hyperparameters for all trials; must not repeat those in `space`. */
  "hyperparameters"?: Record<string, unknown>;
  /** Metric to optimise, in a trial's best epoch. Default: `val_accuracy`, for text `val_loss`. */
  "metric"?: "val_accuracy" | "val_loss" | null;
  /** Stop a trial that is worse than the median of the others after as many epochs. */
  "stop_bad"?: boolean;
  /** When to promote the best version, as for a training. */
  "promote"?: "if_better" | "always" | "never";
  /** Seed of the sampler. */
  "seed"?: number;
  /** Jobs with a higher priority start first. */
  "priority"?: number;
}

/** A sweep with its trials. */
export interface SweepTable {
  "family": string;
  "model": string;
  /** Search space: a range or choices for each hyperparameter. */
  "space": Record<string, unknown>;
  /** StaticDataset hyperparameters for all trials. */
  "hyperparameters": Record<string, unknown>;
  /** Metric to optimise, taken from a trial's best epoch. */
  "metric": "val_accuracy" | "val_loss";
  "trials": number;
  "seed"?: number;
  "stop_bad"?: boolean;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  "id": string;
  "status": Status;
  /** Pending control request. */
  "control_request"?: ControlRequest | null;
  /** Number of trials that have ended. */
  "ended"?: number;
  /** Best trial, its version, and whether it was promoted. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "finished"?: string | null;
  /** The best trial that published a version. */
  "best"?: Trial | null;
  /** All trials so far. */
  "table": Array<Trial>;
}

/** One tensor of the signature; -1 in `shape` is a free dimension. */
export interface TensorCard {
  "name": string;
  "dtype": string;
  "shape": Array<number>;
}

export interface Train_cifar {
  /** Seed of all random choices. The same seed gives the same training. */
  "seed"?: number;
  /** `best`: highest measured accuracy: augmentation, one-cycle learning rate, label smoothing. `classic`: textbook transfer learning in two phases. */
  "recipe"?: "best" | "classic";
  /** `compact`: a small residual network trained from scratch. `vgg16`, `resnet50`: networks pretrained on ImageNet. Default compact for best, vgg16 for classic. */
  "backbone"?: "compact" | "vgg16" | "resnet50" | null;
  /** Initial weights of the backbone; default `imagenet` for vgg16 and resnet50. */
  "weights"?: "imagenet" | "none" | null;
  /** `cifar10`: 60,000 photographs. `sample`: 1,200 coloured shapes drawn by code, no download. */
  "dataset"?: "cifar10" | "sample";
  /** `mirror`: flip half of the pictures; `full`: also shift them at random, so that the output of frozen layers cannot be cached. Default full for best, none for classic. */
  "augment"?: "none" | "mirror" | "full" | null;
  /** Precision of training; versions are always float32. Default bfloat16 for best where the processor supports it, float32 for classic. */
  "precision"?: "float32" | "bfloat16" | null;
  /** Number of epochs of compact; default 24. */
  "epochs"?: number | null;
  /** Pictures per batch of compact; default 512. */
  "batch_size"?: number | null;
  /** Peak learning rate of compact; default 0.4. */
  "learning_rate"?: number | null;
  /** Input of vgg16 and resnet50. `unit`: pixels divided by 255; `imagenet`: as in their pretraining. Default unit for classic. */
  "preprocessing"?: "unit" | "imagenet" | null;
  /** Number of the backbone's last layers trained in the phase `fine_tune`; default all for best, for classic 4 of vgg16 (its last block) and 10 of resnet50. */
  "unfreeze"?: number | null;
  /** Epochs with the backbone frozen; default 5 for classic, 2 for best. */
  "head_epochs"?: number | null;
  /** Learning rate of the phase `head`; default 0.001. */
  "head_learning_rate"?: number | null;
  /** Pictures per batch in the phase `head`; default 32 for classic, 128 for best. */
  "head_batch_size"?: number | null;
  /** Epochs in which the `unfreeze` layers are trained too; default 5. */
  "fine_tune_epochs"?: number | null;
  /** Learning rate of the phase `fine_tune`; default 0.00001 for classic, 0.0001 for best. */
  "fine_tune_learning_rate"?: number | null;
  /** Pictures per batch in the phase `fine_tune`; default 64 for classic, 128 for best. */
  "fine_tune_batch_size"?: number | null;
  /** When to promote the new version: `if_better`, `always` or `never`. */
  "promote"?: "if_better" | "always" | "never";
  /** Jobs with a higher priority start first. */
  "priority"?: number;
  /** Export formats besides ONNX and Keras. `savedmodel` is for TensorFlow Serving and GPUs. */
  "formats"?: Array<"savedmodel">;
}

export interface Train_digit {
  /** Seed of all random choices. The same seed gives the same training. */
  "seed"?: number;
  /** `compact`: a small network with batch normalisation, trained with augmentation. `classic`: the textbook network with two convolutions, without augmentation. */
  "network"?: "compact" | "classic";
  /** `mnist`: 60,000 digits. `sample`: 2,400 digits drawn by code, no download. */
  "dataset"?: "mnist" | "sample";
  /** Number of epochs; default 12 for compact, 10 for classic. */
  "epochs"?: number | null;
  /** Pictures per batch; default 128 for compact, 32 for classic. */
  "batch_size"?: number | null;
  /** Peak learning rate; default 0.008 for compact, 0.001 for classic. */
  "learning_rate"?: number | null;
  /** When to promote the new version: `if_better`, `always` or `never`. */
  "promote"?: "if_better" | "always" | "never";
  /** Jobs with a higher priority start first. */
  "priority"?: number;
  /** Export formats besides ONNX and Keras. `savedmodel` is for TensorFlow Serving and GPUs. */
  "formats"?: Array<"savedmodel">;
}

export interface Train_text {
  /** Seed of all random choices. The same seed gives the same training. */
  "seed"?: number;
  /** Recurrent cell; `all` queues one job for each of the three. */
  "cell"?: "simple_rnn" | "lstm" | "gru" | "all";
  /** `sample`: Korean and English lines included in the service. Or the names of `.txt` files in FITSERVE_DATA_DIR, separated by commas. Not together with `text` or an uploaded file. */
  "corpus"?: string;
  /** Training text, one sentence per line. Not together with `corpus` or a file. */
  "text"?: string | null;
  /** `words`: lower case, without punctuation. `subwords`: byte-level BPE. `characters`: characters or whole syllables. Default words for less than 8,000 words, subwords for more. */
  "vocabulary"?: "words" | "subwords" | "characters" | null;
  /** Maximum number of tokens; default 20,000 words, 2,000 subwords, 5,000 characters. */
  "vocabulary_size"?: number | null;
  /** Units of each recurrent layer. */
  "units"?: number;
  /** Number of stacked recurrent layers. */
  "layers"?: number;
  /** Size of the token embedding; default as `units`, then tied to the output layer. */
  "embedding"?: number | null;
  /** Dropout rate between layers; default 0.3, or 0 for few lines. */
  "dropout"?: number | null;
  /** Number of epochs; a tiny corpus is repeated within an epoch. */
  "epochs"?: number;
  /** Sequences per batch. */
  "batch_size"?: number;
  /** Tokens per step of truncated backpropagation; the state is carried over. */
  "window"?: number;
  /** Peak learning rate; default 0.002 for simple_rnn, 0.006 for the others. */
  "learning_rate"?: number | null;
  /** The name of a model of your own, a new one or one that is there: what is trained is a version of it, and is served under that name. By default rnn or lstm or gru. */
  "model"?: string | null;
  /** When to promote the new version: `if_better`, `always` or `never`. */
  "promote"?: "if_better" | "always" | "never";
  /** Jobs with a higher priority start first. */
  "priority"?: number;
  /** Export formats besides ONNX and Keras. `savedmodel` is for TensorFlow Serving and GPUs. */
  "formats"?: Array<"savedmodel">;
}

/** A trial of a sweep. */
export interface Trial {
  /** Trial number, starting at 1. */
  "trial": number;
  "job": string;
  "status": Status;
  /** Pending control request. */
  "control_request"?: string | null;
  /** Sampled hyperparameters. */
  "hyperparameters": Record<string, unknown>;
  /** The metric in its best epoch so far. */
  "value"?: number | null;
  /** Number of epochs completed. */
  "epochs"?: number;
  /** Published version. */
  "version"?: number | null;
  /** Why it was stopped, failed or excluded from the best. */
  "reason"?: string | null;
  /** Whether its training diverged; such a trial is never the best. */
  "diverged"?: boolean;
}

/** Tokens of the model's own vocabulary, of every choice that was written. */
export interface Usage {
  "prompt_tokens": number;
  "completion_tokens": number;
  "total_tokens": number;
}

export interface ValidationError {
  "loc": Array<string | number>;
  "msg": string;
  "type": string;
  "input"?: unknown;
  "ctx"?: Record<string, unknown>;
}

/** A version of a model. */
export interface VersionSummary {
  "version": number;
  "created": string;
  "metrics": Record<string, number>;
  "hyperparameters": Record<string, unknown>;
  "job": string | null;
  /** Total size of its files in bytes. */
  "size": number;
}
