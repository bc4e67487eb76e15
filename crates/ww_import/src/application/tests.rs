use crate::fixture::gathered;
use ww_base::{Setting, Span};
use ww_model::service::{Program, Protocol, RetryOn, Services};

fn services(files: &[(&str, &str)]) -> Services {
    let gathered = gathered(files);
    assert_eq!(gathered.problems, []);
    gathered.model.services
}

fn program(files: &[(&str, &str)]) -> Program {
    let services = services(files);
    let [program] = services.programs.as_slice() else {
        panic!("{:#?}", services.programs);
    };
    program.clone()
}

fn millis(setting: &Setting<Span>) -> Option<f64> {
    setting.value().map(|span| span.as_millis())
}

fn place<'t>(text: &'t str, setting: &Setting<Span>) -> &'t str {
    let at = setting.span().unwrap_or_else(|| panic!("{setting:?}"));
    text.get(at.start as usize..at.end as usize).unwrap()
}

const PACKAGE: &str = "{\"name\": \"shop\", \"scripts\": {\"start\": \"node server.js\"},
 \"dependencies\": {\"express\": \"4.18.0\", \"axios\": \"^1.4.0\", \"pg\": \"8.1.0\", \"redis\": \"4\"}}";

#[test]
fn assignments_to_a_node_server_are_read() {
    let source = "\
const app = express();
const IDLE = 65 * 1000; // longer than the balancer
const server = http.createServer({ requestTimeout: 0 }, app);
// server.keepAliveTimeout = 1;
server.keepAliveTimeout = IDLE;
server.headersTimeout = config.headers;
server.listen(process.env.PORT || 3000);
";
    let node = program(&[("api/package.json", PACKAGE), ("api/server.js", source)]);
    assert_eq!(
        (node.name.as_str(), node.product.component.as_str()),
        ("shop", "node-http")
    );
    let listener = &node.listeners[0];
    assert_eq!(listener.port, Some(3000));
    assert_eq!(millis(&listener.side.keepalive_idle), Some(65_000.0));
    let line = "server.keepAliveTimeout = IDLE";
    assert_eq!(place(source, &listener.side.keepalive_idle), line);
    assert!(listener.side.body.is_off());
    let header = &listener.side.header;
    assert!(
        matches!(header, Setting::Unknown(gap) if gap.missing.contains("config")),
        "{header:?}"
    );
}

#[test]
fn a_node_server_has_defaults_only_where_its_source_was_seen() {
    let source = "const app = express();\napp.listen(8080);\n";
    let node = program(&[("package.json", PACKAGE), ("server.js", source)]);
    let idle = &node.listeners[0].side.keepalive_idle;
    assert!(matches!(idle, Setting::Default { .. }), "{idle:?}");
    assert_eq!(millis(idle), Some(5000.0));
    let node = program(&[("package.json", PACKAGE)]);
    let idle = &node.listeners[0].side.keepalive_idle;
    assert!(matches!(idle, Setting::Unknown(gap) if gap.missing.contains("source")));
    let source = "const app = fastify({ keepAliveTimeout: 10_000 });\napp.listen({ port: 80 });\n";
    let node = program(&[("package.json", PACKAGE), ("server.js", source)]);
    assert_eq!(node.product.component, "fastify");
    let listener = &node.listeners[0];
    assert_eq!(
        (listener.port, millis(&listener.side.keepalive_idle)),
        (Some(80), Some(10_000.0))
    );
}

#[test]
fn variables_of_the_unit_tell_whom_a_node_program_calls() {
    let compose = "\
services:
  web:
    build: ./api
    command: npm start
    environment:
      API_URL: http://api:3000/v1
      DATABASE_URL: postgres://me:secret@db/shop
      CORS_ORIGIN: http://elsewhere:80
";
    let docker = "FROM node:18.2\nEXPOSE 80\n";
    let source = "axios.create({ timeout: 2000 });\nhttp.createServer(f).listen(80);\n";
    let files = [
        ("compose.yml", compose),
        ("api/Dockerfile", docker),
        ("api/package.json", PACKAGE),
        ("api/server.js", source),
    ];
    let services = services(&files);
    let [web] = services.programs.as_slice() else {
        panic!("{:#?}", services.programs);
    };
    assert_eq!(services.units[0].program.map(|id| id.0), Some(0));
    assert_eq!(
        services.units[1].program, None,
        "the service stands for its Dockerfile"
    );
    assert_eq!(web.name, "web");
    assert_eq!(web.product.version().unwrap().to_string(), "18.2");
    let [api, db] = web.calls.as_slice() else {
        panic!("{:#?}", web.calls);
    };
    assert_eq!(
        (api.to[0].host.as_str(), api.to[0].port),
        ("api", Some(3000))
    );
    assert_eq!(millis(&api.side.total), Some(2000.0));
    assert_eq!(api.side.reuses.value(), Some(&false), "Node.js 18");
    assert_eq!(
        (db.protocol, db.to[0].port),
        (Protocol::Postgres, Some(5432))
    );
    assert_eq!(db.side.pool.value(), Some(&10));
    assert!(!format!("{services:?}").contains("secret"));
}

#[test]
fn options_of_gunicorn_are_read_and_the_command_counts() {
    let docker = "FROM python:3.11\nENV GUNICORN_CMD_ARGS=\"--threads=8 --backlog 64\"\nCMD exec gunicorn -b :${PORT:-8000} --keep-alive=75 -w4 -k gthread --timeout 0 app:app\n";
    let files = "keepalive = 5\ngraceful_timeout = 20\nmax_requests = 1000\n";
    let all = [
        ("api/Dockerfile", docker),
        ("api/gunicorn.conf.py", files),
        ("api/requirements.txt", "Flask==2.0\ngunicorn==20.1.0\n"),
    ];
    let api = program(&all);
    assert_eq!(api.product.component, "gunicorn");
    assert_eq!(api.product.version().unwrap().to_string(), "20.1.0");
    let listener = &api.listeners[0];
    assert_eq!(listener.port, Some(8000));
    assert_eq!(
        place(docker, &listener.side.keepalive_idle),
        "--keep-alive=75"
    );
    let capacity = &api.capacity;
    assert_eq!(capacity.workers.value(), Some(&4));
    assert_eq!(capacity.threads.value(), Some(&8));
    assert_eq!(capacity.backlog.value(), Some(&64));
    assert_eq!(capacity.worker_requests.value(), Some(&1000));
    assert!(capacity.worker_kill.is_off() && !capacity.one_at_a_time);
    assert_eq!(place(files, &api.grace), "graceful_timeout = 20");
}

#[test]
fn a_sync_worker_of_gunicorn_keeps_no_connection() {
    let docker = "FROM python:3\nCMD [\"gunicorn\", \"app:app\"]\n";
    let api = program(&[("Dockerfile", docker), ("requirements.txt", "gunicorn\n")]);
    assert!(api.capacity.one_at_a_time);
    assert_eq!(api.listeners[0].side.keepalive_requests.value(), Some(&1));
    let unseen = program(&[("requirements.txt", "gunicorn\n")]);
    let idle = &unseen.listeners[0].side.keepalive_idle;
    assert!(
        matches!(idle, Setting::Unknown(gap) if gap.missing.contains("command")),
        "{idle:?}"
    );
}

#[test]
fn a_command_that_starts_a_server_is_a_program_without_any_source() {
    let compose = "\
services:
  api: {image: 'python:3.12', command: gunicorn --worker-class gthread --bind 0.0.0.0:8000 api:app}
  web: {image: 'python:3.12', command: sh -c 'pip install uvicorn && exec uvicorn --timeout-keep-alive 65 web:app'}
  shop: {image: 'python:3.12', command: gunicorn -c /etc/shop.py shop:app}
  rails: {image: 'ruby:3.3', command: bundle exec puma -t 5:8}
  job: {image: 'python:3.12', command: pip install gunicorn}
  worker: {image: 'python:3.12', command: celery --app gunicorn}
";
    let services = services(&[("compose.yml", compose)]);
    let names: Vec<(&str, &str)> = services
        .programs
        .iter()
        .map(|program| (program.name.as_str(), program.product.component.as_str()))
        .collect();
    let wanted = [
        ("api", "gunicorn"),
        ("web", "uvicorn"),
        ("shop", "gunicorn"),
        ("rails", "puma"),
    ];
    assert_eq!(names, wanted);
    let idle = |index: usize| &services.programs[index].listeners[0].side.keepalive_idle;
    assert!(matches!(idle(0), Setting::Default { .. }), "{:?}", idle(0));
    assert_eq!(millis(idle(0)), Some(2000.0));
    assert_eq!(services.programs[0].listeners[0].port, Some(8000));
    assert_eq!(millis(idle(1)), Some(65_000.0));
    assert!(
        matches!(idle(2), Setting::Unknown(gap) if gap.missing.contains("/etc/shop.py")),
        "{:?}",
        idle(2)
    );
    assert_eq!(services.programs[3].capacity.threads.value(), Some(&8));
}

#[test]
fn calls_of_python_have_their_own_times() {
    let source = "\
import requests, uvicorn
def a():
    return requests.get('http://ratings:9080/x', timeout=(1, 2.5))
def b():
    return requests.post('http://details:9080/x')
r = redis.Redis(host='cache', port=6380, socket_timeout=1)
engine = create_engine('postgresql://u:p@db/x', pool_size=20, max_overflow=0)
uvicorn.run(app, host='0.0.0.0', port=9000, timeout_keep_alive=30)
";
    let page = program(&[
        ("page/app.py", source),
        ("page/requirements.txt", "requests\n"),
    ]);
    assert_eq!(
        (page.product.component.as_str(), page.listeners[0].port),
        ("uvicorn", Some(9000))
    );
    assert_eq!(
        millis(&page.listeners[0].side.keepalive_idle),
        Some(30_000.0)
    );
    let [ratings, details, cache, db] = page.calls.as_slice() else {
        panic!("{:#?}", page.calls);
    };
    assert_eq!(millis(&ratings.side.connect), Some(1000.0));
    assert_eq!(place(source, &ratings.side.first_byte), "timeout=(1, 2.5)");
    assert_eq!(ratings.side.retry.attempts.value(), Some(&1));
    assert!(details.side.first_byte.is_off() && details.side.total.is_off());
    assert_eq!(
        (cache.to[0].port, millis(&cache.side.stream_idle)),
        (Some(6380), Some(1000.0))
    );
    assert_eq!(db.side.pool.value(), Some(&20));
    assert!(!format!("{page:?}").contains("u:p@"));
}

#[test]
fn literals_of_go_are_read() {
    let source = "\
package main
var client = &http.Client{Timeout: 3 * time.Second}
func main() {
	srv := &http.Server{Addr: \":8080\", ReadTimeout: 5 * time.Second, Handler: mux}
	client.Get(\"http://cart:7070/x\")
	srv.ListenAndServe()
}
";
    let shop = program(&[
        ("go.mod", "module x/shop\n\ngo 1.21\n"),
        ("main.go", source),
    ]);
    assert_eq!(shop.product.component, "go-http-server");
    let side = &shop.listeners[0].side;
    assert_eq!(shop.listeners[0].port, Some(8080));
    assert_eq!(
        place(source, &side.keepalive_idle),
        "ReadTimeout: 5 * time.Second"
    );
    assert!(side.total.is_off());
    let cart = &shop.calls[0];
    assert_eq!(place(source, &cart.side.total), "Timeout: 3 * time.Second");
    assert_eq!(cart.side.keepalive_connections.value(), Some(&2));
    assert_eq!(millis(&cart.side.keepalive_idle), Some(90_000.0));
}

#[test]
fn when_a_channel_of_grpc_idles_depends_on_the_version_in_go_mod() {
    let source = "package main\nfunc main() { conn, _ := grpc.NewClient(\"cart:7070\") }\n";
    let idle = |version: &str| {
        let required = format!("module x/shop\n\nrequire google.golang.org/grpc {version}\n");
        let mut shop = program(&[("go.mod", &required), ("main.go", source)]);
        shop.calls.remove(0).side.keepalive_idle
    };
    assert!(idle("v1.58.3").is_off());
    assert_eq!(millis(&idle("v1.59.0")), Some(1_800_000.0));
}

#[test]
fn clients_that_differ_are_not_known() {
    let source = "a = httpx.Client(timeout=1)\nb = httpx.Client()\nURL = 'http://api:80'\n";
    let app = program(&[("app.py", source)]);
    let read = &app.calls[0].side.first_byte;
    assert!(
        matches!(read, Setting::Unknown(gap) if gap.missing.contains("1 of 2")),
        "{read:?}"
    );
}

#[test]
fn puma_has_its_file() {
    let file =
        "threads 1, 3\nworkers ENV.fetch(\"WEB_CONCURRENCY\") { 2 }\npersistent_timeout 75\n";
    let lock = "GEM\n  specs:\n    puma (8.0.2)\n";
    let app = program(&[("Gemfile.lock", lock), ("config/puma.rb", file)]);
    assert_eq!(app.product.component, "puma");
    assert_eq!(app.capacity.threads.value(), Some(&3));
    assert!(app.capacity.workers.is_unknown());
    let idle = &app.listeners[0].side.keepalive_idle;
    assert_eq!(place(file, idle), "persistent_timeout 75");
}

#[test]
fn images_and_variables_make_programs() {
    let compose = "\
services:
  front: {image: shop/front, environment: {CART_ADDR: 'cart:7070'}}
  db: {image: 'postgres:15', command: postgres -c max_connections=300}
  sql: {image: 'mysql:8.4', command: mysqld --wait-timeout=600}
  idle: {image: shop/idle}
  proxy: {image: nginx, volumes: ['./conf.d:/etc/nginx/conf.d']}
";
    let services = services(&[("compose.yml", compose)]);
    let [front, db, sql] = services.programs.as_slice() else {
        panic!("{:#?}", services.programs);
    };
    assert_eq!(
        (front.calls[0].name.as_str(), front.calls[0].to[0].port),
        ("cart", Some(7070))
    );
    assert_eq!(db.listeners[0].port, Some(5432));
    assert_eq!(db.capacity.connections.value(), Some(&300));
    let idle = &sql.listeners[0].side.keepalive_idle;
    assert_eq!(millis(idle), Some(600_000.0));
    assert_eq!(db.product.version().unwrap().to_string(), "15");
    let programs: Vec<Option<u32>> = services
        .units
        .iter()
        .map(|unit| unit.program.map(|id| id.0))
        .collect();
    assert_eq!(programs, [Some(0), Some(1), Some(2), None, None]);
}

const UNITS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders-v1}
spec:
  template:
    metadata: {labels: {app: orders}}
    spec:
      containers:
      - name: orders
        image: registry.example/shop-orders-v1:3
        env:
        - {name: SPEED, value: slow}
        - {name: STOCK_PORT, valueFrom: {fieldRef: {fieldPath: x}}}
";

#[test]
fn constants_of_java_are_followed_to_the_variables_of_the_unit() {
    let source = "\
public class Stock {
  static final String speed = System.getenv(\"SPEED\") == null ? \"fast\" : System.getenv(\"SPEED\");
  static final String host = System.getenv().getOrDefault(\"STOCK_HOST\", \"stock\");
  static final String service = String.format(\"http://%s:%s/stock\", host, \"9080\");
  String get(String id) {
    ClientBuilder builder = ClientBuilder.newBuilder();
    int timeout = speed.equals(\"fast\") ? 2500 : 10000;
    builder.property(\"com.ibm.ws.jaxrs.client.receive.timeout\", timeout);
    builder.connectTimeout(2, TimeUnit.SECONDS);
    return builder.build().target(service + \"/\" + id).request().get();
  }
}
";
    let path = "src/orders/app/src/main/java/Stock.java";
    let services = services(&[("orders.yaml", UNITS), (path, source)]);
    assert_eq!(services.units[0].program.map(|id| id.0), Some(0));
    let [orders] = services.programs.as_slice() else {
        panic!("{:#?}", services.programs);
    };
    assert_eq!(orders.name, "default/orders-v1");
    let [stock] = orders.calls.as_slice() else {
        panic!("{:#?}", orders.calls);
    };
    let target = &stock.to[0];
    assert_eq!((target.host.as_str(), target.port), ("stock", Some(9080)));
    assert_eq!(millis(&stock.side.first_byte), Some(10_000.0));
    assert!(place(source, &stock.side.first_byte).starts_with("property("));
    assert_eq!(millis(&stock.side.connect), Some(2_000.0));
    assert!(stock.side.retry.attempts.is_off() && stock.side.total.is_off());
    let hidden = source.replace("\"9080\"", "System.getenv(\"STOCK_PORT\")");
    let services = super::tests::services(&[("orders.yaml", UNITS), (path, &hidden)]);
    assert_eq!(
        services.programs,
        [],
        "the port is set to what no file tells"
    );
}

#[test]
fn a_request_of_the_jdk_has_the_timeout_of_its_builder() {
    let source = "\
class Pay {
  final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
  void pay() {
    var request = HttpRequest.newBuilder(URI.create(\"http://pay:8080/pay\"))
        .timeout(Duration.ofMillis(500)).GET().build();
  }
}
";
    let pay = program(&[("pay/Pay.java", source)]);
    let [call] = pay.calls.as_slice() else {
        panic!("{:#?}", pay.calls);
    };
    assert_eq!(
        (call.to[0].host.as_str(), call.to[0].port),
        ("pay", Some(8080))
    );
    assert_eq!(millis(&call.side.first_byte), Some(500.0));
    assert_eq!(millis(&call.side.connect), Some(2_000.0));
    assert!(call.side.retry.attempts.is_unknown());
}

/// A program in Python with this function.
fn python(function: &str) -> Program {
    let source = format!(
        "import requests\n\nhost = os.environ.get(\"STOCK_HOST\", \"stock\")\n\
         stock = {{\"name\": \"http://{{0}}:9080\".format(host), \"x\": 1}}\n\
         def other():\n    url = x()\n\n{function}"
    );
    program(&[("orders/app.py", &source)])
}

#[test]
fn a_loop_of_python_around_a_call_is_its_number_of_tries() {
    let function = "\
def get(id):
    for _ in range(2):
        try:
            url = stock['name'] + \"/\" + str(id)
            res = requests.get(url, timeout=3.0)
        except requests.exceptions.Timeout:
            res = None
        if res:
            return res
    return None
";
    let orders = python(function);
    let call = &orders.calls[0];
    assert_eq!(
        (call.to[0].host.as_str(), call.to[0].port),
        ("stock", Some(9080))
    );
    assert_eq!(call.side.retry.attempts.value(), Some(&2));
    assert_eq!(call.side.retry.on.value(), Some(&vec![RetryOn::Timeout]));
    assert_eq!(millis(&call.side.first_byte), Some(3_000.0));
    let tries = |from: &str, to: &str| {
        let program = python(&function.replace(from, to));
        program.calls[0].side.retry.attempts.clone()
    };
    let once = |from, to| assert_eq!(tries(from, to).value(), Some(&1), "{to}");
    once("            res = None", "            raise");
    once("            return res", "            res.close()");
    once("        try:", "        if True:");
    let unknown = tries("range(2)", "range(count())");
    assert!(unknown.is_unknown(), "{unknown:?}");
}

#[test]
fn a_name_of_python_is_that_of_its_function() {
    let first = "def get(url):\n    return requests.get(url, timeout=1)\n";
    let source = format!("url = \"http://stock:1\"\n{first}");
    let texts = [("orders/app.py", source.as_str())];
    let calls = services(&texts).programs;
    assert!(
        calls[0]
            .calls
            .iter()
            .all(|call| call.side.first_byte.value().is_some()),
        "the address at the edge is called by nobody else: {calls:#?}"
    );
    let orders = python("def get():\n    url = f\"http://{host}/x\"\n    requests.get(url)\n");
    assert_eq!(orders.calls[0].to[0].host, "stock");
}

#[test]
fn a_unit_that_runs_another_script_is_not_the_server_of_its_folder() {
    let services = services(&[
        (
            "compose.yaml",
            "services:\n  api:\n    build: ./api\n  worker:\n    build: ./api\n    command: node worker.js\n",
        ),
        (
            "api/Dockerfile",
            "FROM node:20\nCOPY . .\nCMD [\"node\", \"server.js\"]\n",
        ),
        (
            "api/server.js",
            "const server = require('http').createServer(f);\nserver.keepAliveTimeout = 5000;\nserver.listen(3000);\n",
        ),
    ]);
    let serves = |name: &str| {
        let mut units = services.units.iter();
        let unit = units.find(|unit| unit.name == name).unwrap();
        unit.program.is_some()
    };
    assert!(serves("api") && !serves("worker"));
}
