"""Kernels and log-proximities between the nodes of one graph, and clustering and classification on them."""

from ._catalog import list_node_kernels
from ._comparison import RejectCurve, copeland_score, reject_curve
from ._conversions import distance_to_kernel, kernel_to_distance
from ._functions import node_distance, node_kernel
from ._graph_clustering import GraphKernelKMeans, GraphKernelWard
from ._kernel_kmeans import KernelKMeans
from ._node_classifier import NodeKernelClassifier
from ._node_kernel import NodeKernel
from ._spectral_graph import SpectralGraph
from ._sweep import kernel_sweep, sweep_cluster

__all__ = [
    "GraphKernelKMeans",
    "GraphKernelWard",
    "KernelKMeans",
    "NodeKernel",
    "NodeKernelClassifier",
    "RejectCurve",
    "SpectralGraph",
    "copeland_score",
    "distance_to_kernel",
    "kernel_sweep",
    "kernel_to_distance",
    "list_node_kernels",
    "node_distance",
    "node_kernel",
    "reject_curve",
    "sweep_cluster",
]
