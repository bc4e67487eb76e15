"""A server of gRPC: where to listen, and the health that it tells (none for no health service)."""

import os
import sys
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

address, status = sys.argv[1:]
server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
if status:
    servicer = health.HealthServicer()
    servicer.set("", getattr(health_pb2.HealthCheckResponse, status))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
reflection.enable_server_reflection([health.SERVICE_NAME, reflection.SERVICE_NAME], server)
server.add_insecure_port(address)
# The ordinary user may not be able to read the modules, which are all loaded now.
os.setgid(65534)
os.setuid(65534)
server.start()
server.wait_for_termination()
