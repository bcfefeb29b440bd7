# What the scripts took where nothing was said
MODEL_NAME="TinyLlama/TinyLlama-1.1B-Chat-v1.0"
QUANTIZATION="awq"
