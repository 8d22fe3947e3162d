// Made from the OpenAPI document by `make client`. Not to be edited.

/** How two classifiers do on the same test examples, counted. */
export interface Agreement {
  "examples": number;
  "both_right": number;
  "both_wrong": number;
  /** Examples that only this version has right. */
  "only_right": Record<string, number>;
  /** Examples for which they guess differently, be either right or not. */
  "disagreements": number;
}

/** Where an alias shall point. */
export interface AliasTarget {
  "version": number;
}

/** What else could have come; an empty word is the line's end. */
export interface Alternative {
  "word": string;
  "probability": number;
}

/** How a classifier's probabilities are corrected: `softmax(log(p) / temperature)`. All but a share of `false_alarms` of the `examples` reach `familiar_from`: a confidence, or where `measure` is `features` the evidence of confidence and features together. The temperature was fitted on the same examples. */
export interface Calibration {
  "temperature": number;
  "fitted_on": "validation" | "test";
  "examples": number;
  "familiar_from": number;
  "false_alarms"?: number;
  "measure"?: "confidence" | "features";
}

/** How a job is to end. */
export interface Cancelling {
  /** Publish the best of its epochs so far, instead of nothing. */
  "stop_early"?: boolean;
}

/** What a model can be asked for here. */
export interface Capabilities {
  /** Whether POST /v1/completions takes it. */
  "completions": boolean;
}

/** Everything a version says of itself. `metrics[primary_metric]` is the figure versions are compared by, and `better` the way it should go. `states` are carried from step to step by a network that generates. `diverged` says how its training went astray, if it did. */
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

/** One of these. */
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

/** Two versions of one model on their test sets. */
export interface Comparison {
  "model": string;
  "versions": [number, number];
  /** Whether both were tested on the same examples; only then do figures compare. */
  "same_test": boolean;
  "metrics": Record<string, Record<string, number>>;
  "labels": Array<string>;
  /** Of classifiers: row the truth, column the guess. */
  "confusion": Record<string, Array<Array<number>>>;
  /** None for generators, different tests, and versions from before guesses were kept. */
  "agreement": Agreement | null;
}

/** The answer. */
export interface Completion {
  "id": string;
  "object"?: "text_completion";
  "created": number;
  "model": string;
  "choices": Array<Choice>;
  "usage"?: Usage | null;
  /** The version that answered. */
  "system_fingerprint": string;
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
  /** Choices for each prompt. Those of all prompts together, or what `best_of` has of them, may be as many as FITSERVE_MAX_WAITING. */
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

/** The data a version was trained and tested on. */
export interface DataCard {
  "name": string;
  "examples": number;
  "fingerprint": string;
  "test_fingerprint": string;
}

/** One thing that does not fit, and where. */
export interface Fault {
  "loc": Array<string | number>;
  "msg": string;
  "type": string;
}

/** A further output of the exported network: the mean activations of the Keras network's `layers`, one after the other. No protocol shows it. */
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
  /** `rnn`, `lstm` or `gru`. */
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

/** A row of the journal. */
export interface Job {
  "family": string;
  "model": string;
  "hyperparameters": Record<string, unknown>;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  /** What the version holds beside its ONNX and its Keras file. */
  "formats"?: Array<"savedmodel">;
  /** The sweep that this job is a trial of. */
  "sweep"?: string | null;
  /** Which of its trials, from 1. */
  "trial"?: number | null;
  "id": string;
  "status": Status;
  /** What was asked of it and is not done yet. */
  "wish"?: Wish | null;
  /** How many times a trainer has started on it. */
  "attempts"?: number;
  /** Share of the training done, 0 to 1. */
  "progress"?: number;
  "phase"?: string | null;
  /** Epoch under way in this phase, from 1. */
  "epoch"?: number | null;
  /** Epochs of this phase. */
  "epochs"?: number | null;
  /** Seconds that training will still take, as far as one can tell. */
  "eta_seconds"?: number | null;
  /** The latest figures. */
  "metrics"?: Record<string, number>;
  /** The version that came out, whether it was promoted, and how it `diverged`, if it did. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "started"?: string | null;
  "finished"?: string | null;
}

/** The process answers. */
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

/** What one model answers with, and what would not load. */
export interface ModelHealth {
  "serving": number | null;
  /** Versions in memory. */
  "loaded": Array<number>;
  /** Instances, or texts, that wait for the version that serves. */
  "waiting": number;
  "faults": Record<string, string>;
}

/** The models that answer. */
export interface ModelList {
  "object"?: "list";
  "data": Array<ModelEntry>;
}

/** A model: its aliases, its versions, and what cannot be used. */
export interface ModelSummary {
  "model": string;
  "family": string;
  /** The version that answers now. */
  "serving": number | null;
  /** Weights of the versions that share its requests. */
  "traffic": Record<string, number>;
  "shadow": ShadowSummary | null;
  "aliases": Record<string, number>;
  "versions": Array<VersionSummary>;
  /** Versions that are damaged or do not load, and why. */
  "faults": Record<string, string>;
}

/** Problem details, RFC 9457. */
export interface Problem {
  "type": string;
  "title": string;
  "status": number;
  "detail": string;
  /** What does not fit, the first 20 at most. */
  "errors"?: Array<Fault> | null;
  /** How many more there were. */
  "more_errors"?: number | null;
}

/** All numbers from one to another, both included. */
export interface Range {
  "low": number;
  "high": number;
  /** Whether the logarithm is what is drawn evenly; not together with `step`. */
  "log"?: boolean;
  /** Only numbers that are whole steps above `low`; not together with `log`. */
  "step"?: number | null;
}

/** Ready when every model that has a live version answers with one and what they run on works, until a signal says stop. */
export interface Ready {
  "ready": boolean;
  /** What predictions run on. */
  "runtime": string;
  /** Why they run on that. */
  "runtime_reason": string;
  /** Why they do not run now, as when a GPU is lost. */
  "runtime_fault": string | null;
  /** The NVIDIA GPUs that the driver tells of. */
  "gpus": Array<string>;
  /** Why the file of keys cannot be used now; the last good ones serve. */
  "keys_fault": string | null;
  /** Whether this process is the one of its journal that starts trainers. */
  "leads": boolean;
  "models": Record<string, ModelHealth>;
}

/** The first of several jobs, and all of them. */
export interface Several {
  "family": string;
  "model": string;
  "hyperparameters": Record<string, unknown>;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  /** What the version holds beside its ONNX and its Keras file. */
  "formats"?: Array<"savedmodel">;
  /** The sweep that this job is a trial of. */
  "sweep"?: string | null;
  /** Which of its trials, from 1. */
  "trial"?: number | null;
  "id": string;
  "status": Status;
  /** What was asked of it and is not done yet. */
  "wish"?: Wish | null;
  /** How many times a trainer has started on it. */
  "attempts"?: number;
  /** Share of the training done, 0 to 1. */
  "progress"?: number;
  "phase"?: string | null;
  /** Epoch under way in this phase, from 1. */
  "epoch"?: number | null;
  /** Epochs of this phase. */
  "epochs"?: number | null;
  /** Seconds that training will still take, as far as one can tell. */
  "eta_seconds"?: number | null;
  /** The latest figures. */
  "metrics"?: Record<string, number>;
  /** The version that came out, whether it was promoted, and how it `diverged`, if it did. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "started"?: string | null;
  "finished"?: string | null;
  /** Every job that was queued, this one first. */
  "jobs": Array<Job>;
}

/** The version in the shadow, and how its answers compare with those given, since this process set it up. */
export interface ShadowSummary {
  "version": number;
  /** `agreed` and `differed` in the label; `failed`; and `skipped`, as others waited. */
  "counts": Record<string, number>;
}

/** queued -> running -> succeeded | failed | cancelled; running -> queued when a trainer is lost. A job that waits or runs can be paused; resumed, it is queued again. */
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

/** A row of the journal. */
export interface Sweep {
  "family": string;
  "model": string;
  /** What is tried of each hyperparameter: a range, or choices. */
  "space": Record<string, unknown>;
  /** Those that are the same in every trial. */
  "hyperparameters": Record<string, unknown>;
  /** What is better in the best trial, over its epochs. */
  "metric": "val_accuracy" | "val_loss";
  "trials": number;
  "seed"?: number;
  "stop_bad"?: boolean;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  "id": string;
  "status": Status;
  /** What was asked of it and is not done yet. */
  "wish"?: Wish | null;
  /** How many of its trials have ended. */
  "ended"?: number;
  /** The best trial, its version, and whether it was promoted. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "finished"?: string | null;
}

/** A sweep and all that it has tried. */
export interface SweepTable {
  "family": string;
  "model": string;
  /** What is tried of each hyperparameter: a range, or choices. */
  "space": Record<string, unknown>;
  /** Those that are the same in every trial. */
  "hyperparameters": Record<string, unknown>;
  /** What is better in the best trial, over its epochs. */
  "metric": "val_accuracy" | "val_loss";
  "trials": number;
  "seed"?: number;
  "stop_bad"?: boolean;
  "promote"?: "if_better" | "always" | "never";
  "priority"?: number;
  "id": string;
  "status": Status;
  /** What was asked of it and is not done yet. */
  "wish"?: Wish | null;
  /** How many of its trials have ended. */
  "ended"?: number;
  /** The best trial, its version, and whether it was promoted. */
  "result"?: Record<string, unknown> | null;
  "error"?: string | null;
  "created": string;
  "finished"?: string | null;
  /** Of the trials that ended with a version, the best. */
  "best"?: Trial | null;
  /** Every trial so far. */
  "table": Array<Trial>;
}

/** What a sweep shall try, and how often. */
export interface SweepWish {
  "family": string;
  /** What is tried of each hyperparameter: a range, or choices. */
  "space": Record<string, Range | Choices>;
  /** How many trainings, those that are stopped early included. */
  "trials"?: number;
  /** Those that are the same in every trial; none of those in `space`. */
  "hyperparameters"?: Record<string, unknown>;
  /** What is to be better, in a trial's best epoch. By default `val_accuracy`; of texts `val_loss`. */
  "metric"?: "val_accuracy" | "val_loss" | null;
  /** Stop a trial that is worse than the median was after as many epochs. */
  "stop_bad"?: boolean;
  /** When the best version goes live: as with a training. */
  "promote"?: "if_better" | "always" | "never";
  /** Seed of what is drawn. */
  "seed"?: number;
  /** Jobs of a higher one start first. */
  "priority"?: number;
}

/** One tensor of the signature; -1 in `shape` is a free dimension. */
export interface TensorCard {
  "name": string;
  "dtype": string;
  "shape": Array<number>;
}

export interface Train_cifar {
  /** Seed of every random choice: the same seed, the same training. */
  "seed"?: number;
  /** `best`: what measures best: augmentation, a cycle of the learning rate, smoothed labels. `classic`: the textbooks' transfer in two phases, exactly. */
  "recipe"?: "best" | "classic";
  /** `compact`: a small residual network trained from scratch. `vgg16`, `resnet50`: networks that know ImageNet already. By default compact for best, vgg16 for classic. */
  "backbone"?: "compact" | "vgg16" | "resnet50" | null;
  /** What a backbone begins with; by default `imagenet` for vgg16 and resnet50. */
  "weights"?: "imagenet" | "none" | null;
  /** `cifar10`: 60,000 photographs. `sample`: 1,200 coloured shapes drawn by code: no download. */
  "dataset"?: "cifar10" | "sample";
  /** `mirror`: half of the pictures flipped; `full`: shifted too, each time differently, which leaves nothing of a frozen layer's work to keep. By default full for best, none for classic. */
  "augment"?: "none" | "mirror" | "full" | null;
  /** What training multiplies in; versions are float32 either way. By default bfloat16 for best where the processor has instructions for it, float32 for classic. */
  "precision"?: "float32" | "bfloat16" | null;
  /** Times through the data, for compact; by default 24. */
  "epochs"?: number | null;
  /** Pictures in a step, for compact; by default 512. */
  "batch_size"?: number | null;
  /** Highest rate, for compact; by default 0.4. */
  "learning_rate"?: number | null;
  /** What vgg16 and resnet50 are fed: `unit`: pixels divided by 255; `imagenet`: as they were trained. By default unit for classic. */
  "preprocessing"?: "unit" | "imagenet" | null;
  /** How many of the backbone's last layers learn in the phase `fine_tune`; by default all for best, for classic 4 of vgg16 (its last block) and 10 of resnet50. */
  "unfreeze"?: number | null;
  /** Epochs with the backbone frozen; by default 5 for classic, 2 for best. */
  "head_epochs"?: number | null;
  /** By default 0.001. */
  "head_learning_rate"?: number | null;
  /** By default 32 for classic, 128 for best. */
  "head_batch_size"?: number | null;
  /** Epochs in which `unfreeze` layers learn too; by default 5. */
  "fine_tune_epochs"?: number | null;
  /** By default 0.00001 for classic, 0.0001 for best. */
  "fine_tune_learning_rate"?: number | null;
  /** By default 64 for classic, 128 for best. */
  "fine_tune_batch_size"?: number | null;
  /** When the new version goes live: `if_better`, `always` or `never`. */
  "promote"?: "if_better" | "always" | "never";
  /** Jobs of a higher one start first. */
  "priority"?: number;
  /** What the version holds beside ONNX and Keras. `savedmodel`: for TensorFlow Serving and a GPU. */
  "formats"?: Array<"savedmodel">;
}

export interface Train_digit {
  /** Seed of every random choice: the same seed, the same training. */
  "seed"?: number;
  /** `compact`: a small network with batch normalisation, trained on digits moved, bent and pressed. `classic`: the two convolutions of the textbooks, trained plainly. */
  "network"?: "compact" | "classic";
  /** `mnist`: 60,000 digits. `sample`: 2,400 digits drawn by code, that need no download. */
  "dataset"?: "mnist" | "sample";
  /** Times through the data; by default 12 for compact, 10 for classic. */
  "epochs"?: number | null;
  /** Pictures in a step; by default 128 for compact, 32 for classic. */
  "batch_size"?: number | null;
  /** Highest rate of the optimizer; by default 0.008 for compact, 0.001 for classic. */
  "learning_rate"?: number | null;
  /** When the new version goes live: `if_better`, `always` or `never`. */
  "promote"?: "if_better" | "always" | "never";
  /** Jobs of a higher one start first. */
  "priority"?: number;
  /** What the version holds beside ONNX and Keras. `savedmodel`: for TensorFlow Serving and a GPU. */
  "formats"?: Array<"savedmodel">;
}

export interface Train_text {
  /** Seed of every random choice: the same seed, the same training. */
  "seed"?: number;
  /** The recurrent cell; `all` queues a job for each of the three. */
  "cell"?: "simple_rnn" | "lstm" | "gru" | "all";
  /** `sample`: Korean and English lines that come with the service. Or the name of a `.txt` file in FITSERVE_DATA_DIR, or several, parted by commas. Not together with `text` or an uploaded file. */
  "corpus"?: string;
  /** The corpus itself, one thought a line; not together with `corpus` or a file. */
  "text"?: string | null;
  /** `words`: lower case, without punctuation. `subwords`: pieces of words, found by byte-level BPE. `characters`: whole syllables. By default words for less than 8,000 words, subwords for more. */
  "vocabulary"?: "words" | "subwords" | "characters" | null;
  /** Most tokens; by default 20,000 words, 2,000 subwords, 5,000 characters. */
  "vocabulary_size"?: number | null;
  /** Units of a recurrent layer. */
  "units"?: number;
  /** Recurrent layers, one upon the other. */
  "layers"?: number;
  /** Size of a token's vector; by default as `units`, and then tied to the output. */
  "embedding"?: number | null;
  /** Share of the values left out between layers; by default 0.3, 0 for few lines. */
  "dropout"?: number | null;
  /** Times through the corpus; through a tiny one, several each. */
  "epochs"?: number;
  /** Rows of text read side by side. */
  "batch_size"?: number;
  /** Tokens after which gradients are cut; the state is carried on. */
  "window"?: number;
  /** Highest rate of the optimizer; by default 0.002 for simple_rnn, 0.006 for others. */
  "learning_rate"?: number | null;
  /** When the new version goes live: `if_better`, `always` or `never`. */
  "promote"?: "if_better" | "always" | "never";
  /** Jobs of a higher one start first. */
  "priority"?: number;
  /** What the version holds beside ONNX and Keras. `savedmodel`: for TensorFlow Serving and a GPU. */
  "formats"?: Array<"savedmodel">;
}

/** A row of the table. */
export interface Trial {
  /** Its number, from 1. */
  "trial": number;
  "job": string;
  "status": Status;
  /** What was asked of it and is not done yet. */
  "wish"?: string | null;
  /** What it tries. */
  "hyperparameters": Record<string, unknown>;
  /** The metric in its best epoch so far. */
  "value"?: number | null;
  /** How many epochs it has seen. */
  "epochs"?: number;
  /** The version that came out. */
  "version"?: number | null;
  /** Why it was stopped, failed, or is not the best whatever its value. */
  "reason"?: string | null;
  /** Whether its training diverged: then it is never the best. */
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

/** A version in a list. */
export interface VersionSummary {
  "version": number;
  "created": string;
  "metrics": Record<string, number>;
  "hyperparameters": Record<string, unknown>;
  "job": string | null;
  /** Bytes of all its files. */
  "size": number;
}

/** What somebody asked of a running job, until its trainer has heard. */
export type Wish = "cancel" | "pause" | "stop_early";
