<?php
// An HTTPS client of the matrix: PHP's curl extension, or its own streams (a connection for each request).
// Usage: client.php curl|stream CERTIFICATE URL COUNT keep-alive|close MIX SEED CONNECTIONS.
[, $way, $certificate, $url, $count, $mode, $mix, $seed] = $argv;
$steps = array_map(fn($line) => explode(' ', $line), file($mix, FILE_IGNORE_NEW_LINES));
$handle = curl_init();

function send_by_curl(CurlHandle $handle, string $method, string $url, string $body, bool $closes): int
{
    global $certificate;
    curl_reset($handle);
    curl_setopt_array($handle, [
        CURLOPT_URL => $url, CURLOPT_RETURNTRANSFER => true, CURLOPT_CAINFO => $certificate,
        CURLOPT_CUSTOMREQUEST => $method, CURLOPT_NOBODY => $method === 'HEAD', CURLOPT_FORBID_REUSE => $closes,
        CURLOPT_HTTPHEADER => ['Expect:'],
    ]);
    if ($body !== '') {
        curl_setopt($handle, CURLOPT_POSTFIELDS, $body);
    }
    curl_exec($handle) !== false || exit(curl_error($handle));
    return curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
}

function send_by_stream(string $method, string $url, string $body): int
{
    global $certificate;
    $context = stream_context_create([
        'http' => ['method' => $method, 'content' => $body, 'ignore_errors' => true, 'protocol_version' => 1.1,
                   'header' => "Connection: close\r\nContent-Type: text/plain"],
        'ssl' => ['cafile' => $certificate],
    ]);
    file_get_contents($url, false, $context) !== false || exit('no answer');
    return (int) explode(' ', $http_response_header[0])[1];
}

$counts = [];
for ($index = 0; $index < $count; ++$index) {
    [$method, $path, $body_bytes] = $steps[($seed + $index) % count($steps)];
    $body = str_repeat('x', (int) $body_bytes);
    $status = $way === 'curl' ? send_by_curl($handle, $method, $url . $path, $body, $mode === 'close')
                              : send_by_stream($method, $url . $path, $body);
    $counts["$method $status"] = ($counts["$method $status"] ?? 0) + 1;
}
echo json_encode($counts), "\n";
