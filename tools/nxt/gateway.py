"""The gateway: nginx with a configuration made from what the daemons print as their routes."""
import http.client
import os
import shutil

from nxt import daemons, errors, packages
from nxt.home import ROOT, write_whole
from nxt.proc import Process
from nxt.ui import NxtError

TEMPLATE = ROOT / "deploy/gateway/nginx.conf.in"
EXPORT = ROOT / "deploy/gateway/export.conf.in"
ERRORS = ROOT / "deploy/gateway/errors.tsv"


def owners(routes):
    """{path prefix: (service, is it a stream)} from {service: its --routes}.

    A prefix is as short as it can be while only one service answers below it: `/v1/jobs`, or `/v1/me/tickets`
    where `/v1/me` itself belongs to another. A path parameter ends a prefix."""
    paths = {}
    for service, text in routes.items():
        for line in text.splitlines():
            path = line.split("\t")[1]
            if paths.setdefault(path, service) != service:
                raise NxtError(f"{path} is declared by both {paths[path]} and {service}")
    prefixes = {}
    for path, service in paths.items():
        fixed = _fixed_part(path)
        for length in range(min(2, len(fixed)), len(fixed) + 1):
            prefix = fixed[:length]
            others = {s for p, s in paths.items() if _fixed_part(p)[:length] == prefix}
            if others == {service} or length == len(fixed):
                prefixes["/" + "/".join(prefix)] = service
                break
        else:
            raise NxtError(f"no prefix of {path} belongs to {service} alone")
    return prefixes


def _fixed_part(path):
    parts = path.strip("/").split("/")
    return tuple(parts[:next((i for i, p in enumerate(parts) if "{" in p), len(parts))])


def items(routes):
    """Resources whose items have an address, /v1/jobs/{id}: the web client shows them at /jobs/{id}."""
    return sorted({path.split("/")[2] for text in routes.values() for method, path, *_ in
                   (line.split("\t") for line in text.splitlines()) if method == "GET" and path.endswith("/{id}")
                   and path.count("/") == 3})


def streams(routes):
    """Paths that never end (server-sent events): by our convention their last word is `stream`."""
    return sorted({line.split("\t")[1] for text in routes.values() for line in text.splitlines()
                   if line.split("\t")[1].endswith("/stream")})


def _locations(routes):
    text = []
    for prefix, service in sorted(owners(routes).items()):
        text.append(f"    location = {prefix} {{ set $service {service}; proxy_pass http://{service}; }}\n"
                    f"    location {prefix}/ {{ set $service {service}; proxy_pass http://{service}; }}\n")
    for path in streams(routes):
        service = next(s for s, t in routes.items() if f"\t{path}\t" in t)
        pattern = "/".join("[^/]+" if p.startswith("{") else p for p in path.split("/"))
        text.append(f"    location ~ ^{pattern}$ {{\n        set $service {service};\n        proxy_buffering off;\n"
                    f"        proxy_read_timeout 1h;\n        proxy_pass http://{service};\n    }}\n")
    return "".join(text)


def _export(routes):
    """
    The page that nginx fills with what each service holds of the caller; null for one that is away. One after the
    other, since a part may be long: a service would give up on a client that takes nothing while another's is sent.
    """
    parts = (f'"{s}":<!--# include virtual="/v1/me/export/{s}" stub="away" wait="yes" -->'
             for s, text in routes.items() if f"\t/v1/me/export/{s}\t" in text)
    return f'<!--# block name="away" -->null<!--# endblock -->{{{",".join(parts)}}}\n'


def _problems():
    """One page per status nginx itself may answer with."""
    text = []
    for line in ERRORS.read_text().splitlines():
        if line and not line.startswith("#"):
            codes, status, code, title, detail = line.split("\t")
            body = (f'{{"type":"/errors#{code}","title":"{title}","status":{status},"detail":"{detail}",'
                    f'"instance":"$nxt_instance","code":"{code}","request_id":"$nxt_request_id"}}')
            retry = "        add_header Retry-After 1 always;\n" if status == "503" else ""
            # A named location would not do: a request whose first line is broken has no path, and nginx answers 500.
            text.append(f"    error_page {codes} ={status} /.problem/{code};\n"
                        f"    location = /.problem/{code} {{\n        internal;\n        default_type application/problem+json;\n"
                        f"        add_header X-Request-Id $nxt_request_id always;\n{retry}"
                        f"        return {status} '{body}';\n    }}\n")
    return "".join(text)


class Gateway:
    name = "gateway"

    def __init__(self, stack):
        self.stack, self.home, self.ports = stack, stack.home, stack.ports
        self.process = Process(self.home, self.name)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def configuration(self, routes):
        folder = self.home / "gateway"
        # A replica that restarts is asked again at once: ten seconds' rest, the default, leaves none when two restart in turn.
        # It lets idle connections go before a service that stops does (NXT_DRAIN_IDLE_MS): no request meets a closed one.
        upstreams = "".join(f"  upstream {s} {{\n    server 127.0.0.1:{self.ports[s]} max_fails=0;\n    keepalive 64;\n"
                            f"    keepalive_timeout 1s;\n  }}\n" for s in routes)
        fill = {"@EXPORT@": EXPORT.read_text() if "identity" in routes else "",     # first: it has marks of its own
                "@USER@": "user root;" if os.geteuid() == 0 else "", "@FOLDER@": str(folder),
                "@PORT@": str(self.ports["gateway"]), "@UPSTREAMS@": upstreams, "@LOCATIONS@": _locations(routes),
                "@ITEMS@": "|".join(items(routes)), "@PROBLEMS@": _problems(), "@PAGES@": str(TEMPLATE.parent),
                "@SWAGGER@": str(packages.swagger_ui()), "@LOG@": str(self.home / "log")}
        text = TEMPLATE.read_text()
        for mark, value in fill.items():
            text = text.replace(mark, value)
        return text

    def start(self):
        """Returns whether it had to be started."""
        routes = {d.service: d.printed("routes") for d in daemons.built(self.stack)}
        daemons.merged_openapi(self.stack)
        any_daemon = next(iter(daemons.built(self.stack)))
        write_whole(self.home / "gateway/errors.html", errors.page(any_daemon.printed("errors")))
        write_whole(self.home / "gateway/export.json", _export(routes))
        return self.run(self.configuration(routes))

    def run(self, text):
        """nginx with exactly this configuration."""
        conf = self.home / "gateway/nginx.conf"
        nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        argv = [nginx, "-p", str(self.home / "gateway"), "-c", str(conf), "-e", "stderr", "-g", "daemon off;"]
        if self.process.is_current(argv, marks=[text]):
            return False
        self.process.stop()
        write_whole(conf, text)
        (self.home / "gateway/tmp").mkdir(parents=True, exist_ok=True)
        (self.home / "log").mkdir(exist_ok=True)
        self.process.start(argv, marks=[text])
        self.process.wait_ready(self.answers, 10)
        return True

    def answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["gateway"], timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self):
        return self.process.stop(grace=5)
