"""What a stack needs of a namespace, held against what there is, before anything is deployed."""
