# An HTTPS target of the matrix: WEBrick over Ruby's openssl. Usage: webrick.rb PORT LOG CERTIFICATE KEY.
require 'webrick'
require 'webrick/https'

port, _, certificate, key = ARGV

class Answer < WEBrick::HTTPServlet::AbstractServlet
  def service(request, response)
    received = request.body.to_s
    response.status = request.path[%r{\A/status/(\d+)\z}, 1]&.to_i || 200
    response.body = received.empty? ? "answered\n" : received unless response.status == 204
  end
end

server = WEBrick::HTTPServer.new(
  BindAddress: '127.0.0.1', Port: port.to_i, AccessLog: [], Logger: WEBrick::Log.new(File::NULL), SSLEnable: true,
  SSLCertificate: OpenSSL::X509::Certificate.new(File.read(certificate)),
  SSLPrivateKey: OpenSSL::PKey.read(File.read(key)), RequestTimeout: 120
)
server.mount('/', Answer)
trap('TERM') { server.shutdown }
server.start
