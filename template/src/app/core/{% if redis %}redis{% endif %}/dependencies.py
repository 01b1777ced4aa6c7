from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from app.core.redis.server import RedisServer


async def get_redis(connection: HTTPConnection) -> RedisServer:
    redis: RedisServer = connection.app.state.redis
    return redis


RedisDep = Annotated[RedisServer, Depends(get_redis)]
