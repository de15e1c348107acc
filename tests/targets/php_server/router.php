<?php
// A target of the matrix: for PHP's own server and for PHP-FPM. The environment's REQUEST_LOG names its log.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$received = file_get_contents('php://input');
$status = preg_match('#^/status/(\d+)$#', $path, $match) ? (int) $match[1] : 200;
file_put_contents(getenv('REQUEST_LOG'), "{$_SERVER['REQUEST_METHOD']} $status\n", FILE_APPEND);
if ($status === 301) {
    header('Location: /hello');
}
http_response_code($status);
if ($status !== 204) {
    echo $received === '' ? "answered\n" : $received;
}
