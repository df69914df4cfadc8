// SPDX-License-Identifier: MIT
// Checks the links of a web page, 16 at a time, and prints those that are broken: `link_checker
// http://localhost:8080/`. A slow link delays nobody, and a page is read as by blocking code.

#include <coir/coir.hpp>

#include <cstdio>
#include <exception>
#include <regex>
#include <set>
#include <string>

using namespace std::chrono_literals;

namespace {

struct address {
    std::string host, port, path;
};

address parse(const std::string& url) {
    static const std::regex form{R"(http://([^/:]+):?(\d*)/?([^#]*)(#.*)?)"};
    std::smatch part;
    if (!std::regex_match(url, part, form)) throw std::invalid_argument{url + " is no http URL"};
    return {part[1], part[2].length() > 0 ? part[2].str() : "80", "/" + part[3].str()};
}

/// Asks for a page and returns all that is answered, head and body.
std::string ask(const std::string& verb, const std::string& url) {
    const address at = parse(url);
    return coir::with_timeout(5s, [&] {
        const auto port = static_cast<std::uint16_t>(std::stoul(at.port));
        auto stream = coir::tcp_stream::connect(at.host, port);
        stream.write_all(verb + " " + at.path + " HTTP/1.0\r\nHost: " + at.host + "\r\n\r\n");
        std::string answer, part(16 * 1024, '\0');
        while (const std::size_t size = stream.read(part)) answer.append(part, 0, size);
        return answer;
    });
}

/// The links of the page, each once, as absolute URLs. Other schemes are left alone.
std::set<std::string> links(const std::string& page, const std::string& url) {
    static const std::regex link{R"re(href\s*=\s*["'](http://[^"'#]+|[^"'#:]+)["'#])re"};
    const address at = parse(url);
    const std::string site = "http://" + at.host + ":" + at.port;
    std::set<std::string> found;
    for (std::sregex_iterator i{page.begin(), page.end(), link}, end; i != end; ++i) {
        const std::string target = (*i)[1];
        const auto from =
            target[0] == '/' ? site : site + at.path.substr(0, at.path.rfind('/') + 1);
        found.insert(target.starts_with("http://") ? target : from + target);
    }
    return found;
}

/// What is wrong with a link; empty if nothing is.
std::string check(const std::string& url) try {
    const std::string answer = ask("HEAD", url);
    const std::string status = answer.size() > 12 ? answer.substr(9, 3) : "no answer";
    return status < "400" ? std::string{} : url + ": " + status;
} catch (const std::exception& error) { // of this link only: the others go on
    return url + ": " + error.what();
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 2) return std::fputs("usage: link_checker URL\n", stderr), 2;
    return coir::run([url = std::string{argv[1]}] {
        const auto found = links(ask("GET", url), url);
        int broken = 0;
        for (const std::string& trouble : coir::map(found, check, 16))
            if (!trouble.empty()) ++broken, std::puts(trouble.c_str());
        std::printf("%zu links, %d broken\n", found.size(), broken);
        return broken == 0 ? 0 : 1;
    });
} catch (const std::exception& error) { // the page itself cannot be had
    return std::fprintf(stderr, "link_checker: %s\n", error.what()), 1;
}
