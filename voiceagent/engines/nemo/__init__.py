"""What the engines that run NeMo's modules share: importing it safely, checkpoints, CUDA graphs."""
