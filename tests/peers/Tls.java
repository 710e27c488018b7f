/*
 * The JDK's own TLS, OCSP and CRL code. The passwords are "peers".
 *   Tls talk PORT TRUST.pem IDENTITY.p12 TLSv1.2|TLSv1.3    two requests, the second on a resumed session
 *   Tls check TRUST.pem ISSUER.pem CERTIFICATE.pem OCSP-URL|CRL-FILE ...    a line for each
 */
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.security.KeyStore;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class Tls {
	static final char[] PASSWORD = "peers".toCharArray();

	static X509Certificate certificate(String path) throws Exception {
		try (FileInputStream in = new FileInputStream(path)) {
			return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
		}
	}

	static SSLContext context(String trust, String identity) throws Exception {
		KeyStore anchors = KeyStore.getInstance("PKCS12"), keys = KeyStore.getInstance("PKCS12");
		TrustManagerFactory trusts = TrustManagerFactory.getInstance("PKIX");
		KeyManagerFactory signs = KeyManagerFactory.getInstance("PKIX");
		SSLContext made = SSLContext.getInstance("TLS");

		anchors.load(null, null);
		anchors.setCertificateEntry("root", certificate(trust));
		trusts.init(anchors);
		try (FileInputStream in = new FileInputStream(identity)) {
			keys.load(in, PASSWORD);
		}
		signs.init(keys, PASSWORD);
		made.init(signs.getKeyManagers(), trusts.getTrustManagers(), null);
		return made;
	}

	static long talk(SSLContext context, int port, String version) throws Exception {
		try (SSLSocket s = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
			SSLParameters p = s.getSSLParameters();
			p.setEndpointIdentificationAlgorithm("HTTPS");
			p.setProtocols(new String[] { version });
			s.setSSLParameters(p);
			s.setSoTimeout(10000);
			s.getOutputStream().write(("GET /device/v1/state HTTP/1.1\r\nHost: localhost\r\n"
				+ "Connection: close\r\n\r\n").getBytes("US-ASCII"));
			BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream()));
			for (String line = in.readLine(); line != null; line = in.readLine()) {
				System.out.println(line);
			}
			System.out.println("version " + s.getSession().getProtocol());
			return s.getSession().getCreationTime();
		}
	}

	static void check(String trust, String issuer, String leaf, String by) throws Exception {
		CertPathValidator validator = CertPathValidator.getInstance("PKIX");
		PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
		EnumSet<PKIXRevocationChecker.Option> options = EnumSet.of(
			PKIXRevocationChecker.Option.ONLY_END_ENTITY, PKIXRevocationChecker.Option.NO_FALLBACK);
		PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(certificate(trust), null)));
		CertificateFactory factory = CertificateFactory.getInstance("X.509");

		if (by.startsWith("http:")) {
			checker.setOcspResponder(new URI(by));
		} else {
			options.add(PKIXRevocationChecker.Option.PREFER_CRLS);
			try (FileInputStream in = new FileInputStream(by)) {
				parameters.addCertStore(CertStore.getInstance("Collection",
					new CollectionCertStoreParameters(factory.generateCRLs(in))));
			}
		}
		checker.setOptions(options);
		parameters.addCertPathChecker(checker);
		validator.validate(factory.generateCertPath(List.of(certificate(leaf), certificate(issuer))), parameters);
	}

	public static void main(String[] a) throws Exception {
		if (a[0].equals("check")) {
			for (int i = 4; i < a.length; i++) {
				try {
					check(a[1], a[2], a[3], a[i]);
					System.out.println("good by " + a[i]);
				} catch (CertPathValidatorException e) {
					System.out.println(e.getMessage() + " by " + a[i]);
				}
			}
			return;
		}
		SSLContext context = context(a[2], a[3]);
		long first = talk(context, Integer.parseInt(a[1]), a[4]);
		System.out.println(talk(context, Integer.parseInt(a[1]), a[4]) == first ? "resumed" : "not resumed");
	}
}
