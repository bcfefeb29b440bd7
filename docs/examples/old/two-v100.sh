# Two V100 with 16 GB
export MODEL_NAME="mistralai/Mistral-7B-Instruct-v0.2"
export GPU_COUNT=2
export QUANTIZATION="awq"
export CUDA_MEMORY_FRACTION=0.85
export MAX_INPUT_LENGTH=4096
export MAX_TOTAL_TOKENS=8192
export DSHM_SIZE="8Gi"
