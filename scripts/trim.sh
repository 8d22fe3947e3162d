#!/bin/sh
# Remove from a folder of installed libraries what no running service imports: trim.sh FOLDER
set -eu
cd "$1"
find . -type d -name tests -prune -exec rm -rf {} +
find . -name '*.py[ix]' -delete
rm -rf onnxruntime/transformers onnxruntime/tools onnxruntime/quantization onnxruntime/datasets onnxruntime/backend
rm -rf pygments/lexers/__pycache__   # the command line colours nothing but its own words
